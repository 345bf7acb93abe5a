"""PyTorch's side of a comparison: the same lines of JSON as host.mjs, in Python.

    /usr/bin/python3 bench/peers/pytorch.py '{"threads": 1}'
"""

import json
import resource
import sys
import time

import numpy as np
import torch


class Cannot(Exception):
    """PyTorch has no such function."""


options = json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}
torch.set_num_threads(options.get("threads", 1))
torch.set_num_interop_threads(1)


def read_values(file, sizes):
    flat = np.fromfile(file, dtype="<f4")
    values, at = {}, 0
    for name, n in sizes.items():
        values[name] = torch.from_numpy(flat[at : at + n].copy())
        at += n
    return values


def write_values(file, values):
    arrays = {name: np.asarray(v, dtype="<f4").ravel() for name, v in values.items()}
    np.concatenate(list(arrays.values())).tofile(file)
    return {name: v.size for name, v in arrays.items()}


def blas():
    """Which library multiplies matrices: Debian's reference one is several times slower than OpenBLAS, so the report must say."""
    torch.ones(64, 64) @ torch.ones(64, 64)
    with open("/proc/self/maps") as maps:
        loaded = maps.read()
    return next((name for name, mark in (("OpenBLAS", "openblas"), ("MKL", "libmkl"), ("BLIS", "blis")) if mark in loaded), "reference BLAS")


layers_of = {"gru": torch.nn.GRU, "lstm": torch.nn.LSTM, "rnn": torch.nn.RNN}
cells_of = {"gru": torch.gru_cell, "lstm": torch.lstm_cell, "rnn": torch.rnn_tanh_cell}


def names_of(work):
    """Our names of the weights in the order of a layer's parameters()."""
    return [f"{name}{n or ''}" for n in range(work["layers"]) for name in ("wx", "wh", "bx", "bh")]


def make(work, values):
    """torch.nn.GRU, LSTM or RNN with our weights."""
    net = layers_of[work["cell"]](work["I"], work["H"], num_layers=work["layers"])
    with torch.no_grad():
        for p, name in zip(net.parameters(), names_of(work)):
            p.copy_(values[name].view_as(p))
    return net


def zeros_of(work, **options):
    """The states before the first sample, one tensor or an LSTM's two."""
    states = [torch.zeros(work["layers"], work["B"], work["H"], **options) for _ in range(2 if work["cell"] == "lstm" else 1)]
    return tuple(states) if len(states) > 1 else states[0]


class Step:
    """One sample at a time, by whichever of its two ways is faster here: the cells, or the layers with sequences of length 1."""

    def __init__(self, work, values):
        net = make(work, values).eval()
        p = [parameter.detach() for parameter in net.parameters()]
        own, lstm = cells_of[work["cell"]], work["cell"] == "lstm"
        weights = [p[4 * n : 4 * n + 4] for n in range(work["layers"])]
        zeros = zeros_of(work)
        self.samples = list(values["x"].view(work["L"], work["B"], work["I"]))

        def cell(x, states):
            after = []
            for state, w in zip(states, weights):
                state = own(x, state, *w)
                after.append(state)
                x = state[0] if lstm else state
            return x, after

        def layer(x, state):
            y, state = net(x.unsqueeze(0), state)
            return y[0], state

        starts = {cell: list(zip(*zeros)) if lstm else list(zeros), layer: zeros}
        with torch.inference_mode():
            self.way = min(starts, key=lambda way: self.cost(way, starts[way]))
        self.start = starts[self.way]
        self.reset()

    def cost(self, way, state):
        times = []
        for _ in range(7):
            start = time.perf_counter()
            for _ in range(50):
                _, state = way(self.samples[0], state)
            times.append(time.perf_counter() - start)
        return sorted(times)[3]

    def reset(self):
        self.at, self.state = 0, self.start

    def step(self):
        y, self.state = self.way(self.samples[self.at], self.state)
        self.at = (self.at + 1) % len(self.samples)
        return y

    def check(self, _):
        self.reset()
        for _ in self.samples:
            y = self.step()
        return {"y": y}


class Forward:
    def __init__(self, work, values):
        self.net = make(work, values).eval()
        self.x = values["x"].view(work["L"], work["B"], work["I"])
        self.state = zeros_of(work)

    def run(self):
        with torch.inference_mode():
            return self.net(self.x, self.state)[0]

    def check(self, _):
        return {"y": self.run()}


class Train:
    def __init__(self, work, values):
        L, B, I, H = (work[k] for k in "LBIH")
        self.net = make(work, values)
        self.x = values["x"].view(L, B, I).requires_grad_()
        self.state = zeros_of(work, requires_grad=True)
        self.target = values["target"].view(L, B, H)
        states = self.state if isinstance(self.state, tuple) else (self.state,)
        names = ["dx", "dh0", "dc0"][: 1 + len(states)] + [f"d{name}" for name in names_of(work)]
        self.inputs = dict(zip(names, [self.x, *states, *self.net.parameters()]))

    def run(self):
        for p in self.inputs.values():
            p.grad = None
        loss = torch.nn.functional.mse_loss(self.net(self.x, self.state)[0], self.target)
        loss.backward()
        return loss

    def check(self, _):
        loss = self.run()
        return {"loss": loss.detach(), **{name: p.grad.numpy() for name, p in self.inputs.items()}}


class Forecaster:
    def __init__(self, work, values):
        L, B, I, H, O = (work[k] for k in "LBIHO")
        self.gru = make(work, values)
        self.head = torch.nn.Linear(H, O)
        with torch.no_grad():
            self.head.weight.copy_(values["lw"].view(O, H))
            self.head.bias.copy_(values["lb"])
        self.x = values["x"].view(L, B, I)
        self.target = values["target"].view(B, O)
        self.optimizer = torch.optim.Adam([*self.gru.parameters(), *self.head.parameters()], lr=1e-3)

    def run(self):
        self.optimizer.zero_grad(set_to_none=True)
        loss = torch.nn.functional.mse_loss(self.head(self.gru(self.x)[1][0]), self.target)
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def check(self, steps):
        return {"losses": [self.run() for _ in range(steps)]}


class Language:
    """Tokens -> embedding -> two GRU layers -> one logit per token of the vocabulary."""

    def __init__(self, work, values):
        L, B, I, H, O = (work[k] for k in "LBIHO")
        self.table = torch.nn.Embedding(O, I)
        self.gru = make(work, values)
        self.head = torch.nn.Linear(H, O)
        self.parameters = [self.table.weight, *self.gru.parameters(), self.head.weight, self.head.bias]
        with torch.no_grad():
            for p, name in ((self.table.weight, "table"), (self.head.weight, "lw"), (self.head.bias, "lb")):
                p.copy_(values[name].view_as(p))
        self.x = values["x"].long().view(L, B)
        self.target = values["target"].long()
        self.optimizer = torch.optim.Adam(self.parameters, lr=1e-3)

    def run(self):
        self.optimizer.zero_grad(set_to_none=True)
        logits = self.head(self.gru(self.table(self.x))[0])
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), self.target)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, 5.0)
        self.optimizer.step()
        return loss.item()

    def check(self, steps):
        return {"losses": [self.run() for _ in range(steps)]}


kinds = {"step": Step, "forward": Forward, "train": Train, "forecaster": Forecaster, "language": Language}
task = None


def prepare(kind, form, sizes, file, **work):
    global task
    if form != "after":
        raise Cannot("its GRU has the reset-after form only")
    task = kinds[kind](work, read_values(file, sizes))
    return {"name": "PyTorch", "version": f"{torch.__version__} ({blas()})"}


def check(out, steps=0):
    with torch.inference_mode(isinstance(task, (Step, Forward))):
        return {"sizes": write_values(out, task.check(steps))}


def run(calls):
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(calls):
        task.run()
    return {"wall": (time.perf_counter() - wall) * 1e3 / calls, "cpu": (time.process_time() - cpu) * 1e3 / calls}


def steps(blocks, block, singles):
    clock, step = time.perf_counter, task.step
    with torch.inference_mode():
        wall, cpu = clock(), time.process_time()
        times = []
        for _ in range(blocks):
            start = clock()
            for _ in range(block):
                step()
            times.append((clock() - start) / block)
        alone = []
        for _ in range(singles):
            start = clock()
            step()
            alone.append(clock() - start)
        wall, cpu = clock() - wall, time.process_time() - cpu
    empty = []
    for _ in range(2000):
        start = clock()
        empty.append(clock() - start)
    times.sort()
    alone.sort()
    empty.sort()
    p99 = max(0.0, alone[int(0.99 * singles)] - empty[1000])
    return {"p50": times[blocks // 2] * 1e3, "p99": p99 * 1e3, "wall": wall * 1e3, "cpu": cpu * 1e3}


def usage():
    return {"megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


commands = {f.__name__: f for f in (prepare, check, run, steps, usage)}
for line in sys.stdin:
    message = json.loads(line)
    try:
        answer = commands[message.pop("do")](**message)
    except Cannot as e:
        answer = {"cannot": str(e)}
    except Exception as e:  # every failure goes back to the bench, which reports it and goes on
        answer = {"error": f"{type(e).__name__}: {e}"}
    print(json.dumps(answer), flush=True)
