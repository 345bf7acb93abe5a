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


def make_gru(work, values):
    """torch.nn.GRU with our weights."""
    gru = torch.nn.GRU(work["I"], work["H"])
    with torch.no_grad():
        for own, name in (("weight_ih_l0", "wx"), ("weight_hh_l0", "wh"), ("bias_ih_l0", "bx"), ("bias_hh_l0", "bh")):
            p = getattr(gru, own)
            p.copy_(values[name].view_as(p))
    return gru


class Step:
    """One sample at a time, by whichever of its two ways is faster here: the cell, or the layer with sequences of length 1."""

    def __init__(self, work, values):
        H = work["H"]
        gru = make_gru(work, values).eval()
        p = [getattr(gru, name).detach() for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")]
        self.zeros = torch.zeros(1, H)
        self.samples = list(values["x"].view(work["L"], 1, work["I"]))

        def cell(x, h):
            return torch.gru_cell(x, h, *p)

        def layer(x, h):
            return gru(x.unsqueeze(0), h.unsqueeze(0))[1][0]

        with torch.inference_mode():
            self.way = min((cell, layer), key=self.cost)
        self.at = 0
        self.reset()

    def cost(self, way):
        times, h = [], self.zeros
        for _ in range(7):
            start = time.perf_counter()
            for _ in range(200):
                h = way(self.samples[0], h)
            times.append(time.perf_counter() - start)
        return sorted(times)[3]

    def reset(self):
        self.h = self.zeros

    def step(self):
        self.h = self.way(self.samples[self.at], self.h)
        self.at = (self.at + 1) % len(self.samples)
        return self.h

    def check(self, _):
        self.reset()
        for _ in self.samples:
            self.step()
        return {"y": self.h}


class Forward:
    def __init__(self, work, values):
        self.gru = make_gru(work, values).eval()
        self.x = values["x"].view(work["L"], work["B"], work["I"])
        self.h = torch.zeros(1, work["B"], work["H"])

    def run(self):
        with torch.inference_mode():
            return self.gru(self.x, self.h)[0]

    def check(self, _):
        return {"y": self.run()}


class Train:
    def __init__(self, work, values):
        L, B, I, H = (work[k] for k in "LBIH")
        self.gru = make_gru(work, values)
        self.x = values["x"].view(L, B, I).requires_grad_()
        self.h = torch.zeros(1, B, H, requires_grad=True)
        self.target = values["target"].view(L, B, H)
        self.inputs = [self.x, self.h, *self.gru.parameters()]

    def run(self):
        for p in self.inputs:
            p.grad = None
        loss = torch.nn.functional.mse_loss(self.gru(self.x, self.h)[0], self.target)
        loss.backward()
        return loss

    def check(self, _):
        loss = self.run()
        grads = [p.grad.numpy() for p in self.inputs]
        return {"loss": loss.detach(), **dict(zip(("dx", "dh0", "dwx", "dwh", "dbx", "dbh"), grads))}


class Forecaster:
    def __init__(self, work, values):
        L, B, I, H, O = (work[k] for k in "LBIHO")
        self.gru = make_gru(work, values)
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
        self.gru = torch.nn.GRU(I, H, num_layers=2)
        self.head = torch.nn.Linear(H, O)
        names = ["wx", "wh", "bx", "bh", "wx1", "wh1", "bx1", "bh1"]
        self.parameters = [self.table.weight, *self.gru.parameters(), self.head.weight, self.head.bias]
        with torch.no_grad():
            for p, name in zip(self.parameters, ["table", *names, "lw", "lb"]):
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
