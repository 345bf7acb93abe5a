#!/usr/bin/python3
"""What PyTorch computes, in float64, for the networks, ops, optimizers and schedules that Sluice says are equal to its own.

Run `python3 test/oracle/pytorch.py`: it rewrites pytorch.json beside it, which pytorch.test.ts reads. PyTorch is needed for that only.
Every tensor is written as whole numbers to be divided by `per`. Inputs are over 1024: short, and the same number in float32 and float64.
Results are over 10^10: rounded at the tenth decimal.
"""
import json
from pathlib import Path

import numpy
import torch
import torch.nn.functional as F
from torch.nn.utils import clip_grad_norm_, clip_grad_value_
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

SEED = 20141406
PER = 1024
torch.set_default_dtype(torch.float64)
random = numpy.random.RandomState(SEED)  # its stream is frozen: the same numbers from every NumPy


def given(*shape, scale=1.0):
    """Normal numbers, rounded to 1/1024."""
    return torch.from_numpy(numpy.rint(random.standard_normal(shape) * scale * PER) / PER)


def uniform(*shape, bound):
    """Numbers in [-bound, bound], rounded to 1/1024."""
    return torch.from_numpy(numpy.rint(random.uniform(-bound, bound, shape) * PER) / PER)


def asked(t):
    """A copy that gets a gradient."""
    return t.detach().clone().requires_grad_()


def whole(t, per):
    return {"shape": list(t.shape), "per": per, "data": (t.detach() * per).round().long().flatten().tolist()}


def put(t):
    """An input as JSON, exactly."""
    per = PER if t.is_floating_point() else 1
    assert torch.equal((t * per).round() / per, t)
    return whole(t, per)


def result(t):
    """An output as JSON."""
    return whole(t, 10**10)


def camel(options):
    return {k.split("_")[0] + "".join(w.title() for w in k.split("_")[1:]): v for k, v in options.items()}


# Recurrent networks

MODULES = {"gru": torch.nn.GRU, "lstm": torch.nn.LSTM, "rnn": torch.nn.RNN}
OURS = {"num_layers": "layers", "proj_size": "projectionSize"}


def recurrent(name, cell, *, L=6, lengths=None, state=False, I=3, H=5, B=3, bound=None, rows=None, keep=None, **options):
    """
    One network. The loss is the sum of outputs and final states, each times a number of its own, so that every gradient is asked for.
    `rows` repeats the first rows of x and of the loss's factors over all L steps; `keep` lists the steps whose outputs are written.
    """
    net = MODULES[cell](I, H, **options)
    for p in net.parameters():
        p.data = uniform(*p.shape, bound=bound or 0.8)
    P = options.get("proj_size", 0) or H
    directions = 2 if options.get("bidirectional") else 1
    count = options.get("num_layers", 1) * directions
    n = rows or L
    tile = lambda t: t.repeat(-(-L // n), 1, 1)[:L]
    x, wy = given(n, B, I), given(n, B, P * directions)
    first = [given(count, B, P, scale=0.5)] + ([given(count, B, H, scale=0.5)] if cell == "lstm" else [])
    wstate = [given(*s.shape) for s in first]
    xs, s0 = asked(tile(x)), [asked(s) for s in first]
    start = (tuple(s0) if cell == "lstm" else s0[0]) if state else None

    if lengths:
        packed, last = net(pack_padded_sequence(xs, torch.tensor(lengths), enforce_sorted=False), start)
        y, _ = pad_packed_sequence(packed, total_length=L)
    else:
        y, last = net(xs, start)
    last = last if cell == "lstm" else (last,)
    loss = (y * tile(wy)).sum() + sum((w * s).sum() for w, s in zip(wstate, last))
    loss.backward()

    config = {OURS.get(k, k): v for k, v in options.items()}
    if options.get("bidirectional"):
        config["bidirectional"] = "concat"
    steps = keep or list(range(L))
    gradients = {name: result(p.grad) for name, p in net.named_parameters()}
    gradients["x"] = result(xs.grad[steps])
    if state:
        gradients |= {name: result(s.grad) for name, s in zip(("h0", "c0"), s0)}
    return {
        "name": name,
        "config": {"cell": cell, "inputSize": I, "hiddenSize": H, **config},
        "length": L,
        "steps": steps,
        "lengths": lengths,
        "x": put(x),
        "state": [put(s) for s in first] if state else None,
        "weights": {name: put(p) for name, p in net.named_parameters()},
        "factors": {"y": put(wy), "state": [put(w) for w in wstate]},
        "loss": result(loss),
        "y": result(y[steps]),
        "last": [result(s) for s in last],
        "gradients": gradients,
    }


def networks():
    kinds = {
        "gru": ("gru", {}),
        "lstm": ("lstm", {}),
        "lstm with projection": ("lstm", {"proj_size": 2}),
        "rnn tanh": ("rnn", {"nonlinearity": "tanh"}),
        "rnn relu": ("rnn", {"nonlinearity": "relu"}),
    }
    started = {"state": True, "lengths": [3, 5, 1], "L": 5, "I": 2, "H": 3}
    for kind, (cell, options) in kinds.items():
        yield recurrent(f"{kind}, whole batch from zero state", cell, **options)
        yield recurrent(f"{kind}, bidirectional, lengths, state", cell, bidirectional=True, **started, **options)
        yield recurrent(f"{kind}, 2 layers, bidirectional, lengths, state", cell, num_layers=2, bidirectional=True, **started, **options)
    yield recurrent("gru, 2 layers without bias", "gru", num_layers=2, bias=False, **started)
    yield recurrent("lstm, 2 layers, lengths, state", "lstm", num_layers=2, **started)
    for cell in MODULES:
        long = {"L": 1000, "rows": 23, "keep": [0, 499, 999], "state": True, "B": 2, "H": 7, "bound": 0.5}
        yield recurrent(f"{cell}, 1000 steps", cell, **long)


# Ops


def op(name, compute, inputs, options=None, note=None):
    """
    One op. `compute` takes the inputs by Sluice's names and returns the output; where that is not one number, the loss is its sum times
    factors. An input written with an underscore in front gets no gradient.
    """
    tensors = {k.lstrip("_"): (v if k.startswith("_") else asked(v)) for k, v in inputs.items()}
    y = compute(**tensors)
    factors = given(*y.shape) if y.dim() > 0 else None
    (y if factors is None else (y * factors).sum()).backward()
    return {
        "op": name,
        "name": f"{name}{f': {note}' if note else ''}",
        "options": options or {},
        "inputs": {k: put(v) for k, v in tensors.items()},
        "factors": None if factors is None else put(factors),
        "y": result(y.reshape(1) if y.dim() == 0 else y),
        "gradients": {k: result(v.grad) for k, v in tensors.items() if v.requires_grad},
    }


def normal_nll(pred, target, reduction="mean"):
    scale = F.softplus(pred[..., 1]) + 1e-4
    nll = -torch.distributions.Normal(pred[..., 0], scale).log_prob(target)
    return getattr(nll, reduction)()


def student_t_nll(pred, target, reduction="mean"):
    scale, freedom = F.softplus(pred[..., 1]) + 1e-4, 2 + F.softplus(pred[..., 2])
    nll = -torch.distributions.StudentT(freedom, pred[..., 0], scale).log_prob(target)
    return getattr(nll, reduction)()


def pinball(pred, target, quantiles):
    d = target[..., None] - pred
    return torch.maximum(quantiles * d, (quantiles - 1) * d).mean()


def weighted_mse(pred, target, weight):
    return (weight * (pred - target) ** 2).sum() / weight.sum()


def losses():
    pred, target = given(3, 5), given(3, 5)
    pred[1, 2] = target[1, 2]  # slope of |0|
    for reduction in ("mean", "sum"):
        o = {"reduction": reduction}
        pair = {"pred": pred, "_target": target}
        yield op("mse", lambda pred, target: F.mse_loss(pred, target, **o), pair, o, reduction)
        yield op("mae", lambda pred, target: F.l1_loss(pred, target, **o), pair, o, reduction)
        h = {"delta": 0.75, **o}
        yield op("huber", lambda pred, target: F.huber_loss(pred, target, **h), pair, h, reduction)
        wide = {"pred": given(7, 2, scale=2), "_target": given(7, scale=3)}
        yield op("gaussianNll", lambda pred, target: normal_nll(pred, target, **o), wide, o, reduction)
        wide = {"pred": given(7, 3, scale=2), "_target": given(7, scale=3)}
        yield op("studentTNll", lambda pred, target: student_t_nll(pred, target, **o), wide, o, reduction)

        yes = {"logits": given(6, 3, scale=4), "_target": (uniform(6, 3, bound=1) > 0).double()}
        bce = lambda logits, target, positive=None: F.binary_cross_entropy_with_logits(logits, target, pos_weight=positive, **o)
        yield op("bceWithLogits", bce, yes, o, reduction)
        yes["_positive"] = given(3).abs() + 1
        yield op("bceWithLogits", bce, yes, o, f"pos_weight, {reduction}")

        logits, classes = given(8, 5, scale=3), torch.tensor([0, 1, 2, 3, 4, 2, 3, 2], dtype=torch.int32)
        weight = given(5).abs() + 0.125
        for note, settings in {
            "plain": {},
            "label smoothing": {"label_smoothing": 0.1},
            "ignore_index": {"ignore_index": 2},
            "class weights": {"weight": weight},
            "label smoothing, ignore_index, class weights": {"label_smoothing": 0.2, "ignore_index": 3, "weight": weight},
        }.items():
            if reduction == "sum" and len(settings) < 3:
                continue
            w = settings.get("weight")
            ce = lambda logits, target, classWeight=None: F.cross_entropy(logits, target.long(), **settings, **o)
            inputs = {"logits": logits, "_target": classes, **({} if w is None else {"_classWeight": w})}
            ours = {**camel({k: v for k, v in settings.items() if k != "weight"}), **o}
            yield op("crossEntropy", ce, inputs, ours, f"{note}, {reduction}")
    far = {"logits": given(4, 3, scale=200), "_target": torch.tensor([0, 1, 2, 0], dtype=torch.int32)}
    yield op("crossEntropy", lambda logits, target: F.cross_entropy(logits, target.long()), far, note="logits in the hundreds")
    quantiles = torch.tensor([0.125, 0.5, 0.875])
    yield op("quantile", pinball, {"pred": given(6, 3), "_target": given(6), "_quantiles": quantiles})
    yield op("mse", weighted_mse, {"pred": pred, "_target": target, "_weight": given(3, 5).abs()}, note="weighted mean")


def layers():
    rows = {"x": given(4, 7, scale=2) + 3, "gain": given(7), "bias": given(7)}
    yield op("layerNorm", lambda x, gain, bias: F.layer_norm(x, (7,), gain, bias), rows)
    yield op("layerNorm", lambda x: F.layer_norm(x, (7,), eps=1e-3), {"x": given(3, 7)}, {"eps": 1e-3}, "eps, no gain, no bias")
    for note, scale in {"small": 1, "logits in the hundreds": 200}.items():
        yield op("softmax", lambda x: F.softmax(x, -1), {"x": given(3, 9, scale=scale)}, note=note)
        yield op("logSoftmax", lambda x: F.log_softmax(x, -1), {"x": given(3, 9, scale=scale)}, note=note)
    ids = torch.tensor([[0, 3, 1], [2, 3, 0]], dtype=torch.int32)
    for padding in (None, 3):
        look = lambda ids, weight: F.embedding(ids.long(), weight, padding_idx=padding)
        options = {} if padding is None else {"paddingIndex": padding}
        yield op("embedding", look, {"_ids": ids, "weight": given(5, 4)}, options, f"padding_idx {padding}")
    yield op("linear", lambda x, w, b: F.linear(x, w, b), {"x": given(2, 3, 5), "w": given(7, 5), "b": given(7)})
    x = given(9, scale=3)
    for name, f in {"sigmoid": torch.sigmoid, "tanh": torch.tanh, "exp": torch.exp, "softplus": F.softplus, "relu": F.relu}.items():
        yield op(name, lambda x: f(x), {"x": x})


# Optimizers

OPTIMIZERS = {
    "sgd": torch.optim.SGD,
    "rmsprop": torch.optim.RMSprop,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "adagrad": torch.optim.Adagrad,
}
STEPS = 10
WRITTEN = (1, 2, 10)


def optimizers():
    start = {"w": given(3, 3), "b": given(5)}
    gradients = [{k: given(*v.shape) for k, v in start.items()} for _ in range(STEPS)]

    def run(kind, lr, decay_on="all", **options):
        params = {k: asked(v) for k, v in start.items()}
        groups = [{"params": [p], **({"weight_decay": 0} if decay_on == "matrices" and p.dim() < 2 else {})} for p in params.values()]
        optimizer = OPTIMIZERS[kind](groups, lr=lr, **options)
        after = {}
        for step in range(1, STEPS + 1):
            for k, p in params.items():
                p.grad = gradients[step - 1][k].clone()
            optimizer.step()
            if step in WRITTEN:
                after[step] = {k: result(p) for k, p in params.items()}
        state = {
            f"optimizer.{k}.{slot}": result(t)
            for k, p in params.items()
            for slot, t in optimizer.state[p].items()
            if slot != "step" and t is not None
        }
        config = {"kind": kind, **camel(options), **({} if decay_on == "all" else {"decayOn": decay_on})}
        return {"lr": lr, "config": config, "after": after, "state": state}

    runs = [
        run("sgd", 0.1),
        run("sgd", 0.1, weight_decay=0.1),
        run("sgd", 0.1, momentum=0.9),
        run("sgd", 0.1, momentum=0.9, dampening=0.25, weight_decay=0.05),
        run("sgd", 0.1, momentum=0.8, nesterov=True, weight_decay=0.05),
        run("rmsprop", 0.01),
        run("rmsprop", 0.01, alpha=0.9, eps=1e-6, weight_decay=0.1),
        run("rmsprop", 0.01, centered=True),
        run("rmsprop", 0.01, momentum=0.9, centered=True, weight_decay=0.05),
        run("adam", 0.01),
        run("adam", 0.01, betas=[0.8, 0.95], eps=1e-5, weight_decay=0.1),
        run("adam", 0.01, betas=[0.5, 0.6], amsgrad=True),
        run("adamw", 0.01),
        run("adamw", 0.01, betas=[0.5, 0.6], amsgrad=True, weight_decay=0.2),
        run("adamw", 0.01, weight_decay=0.2, decay_on="matrices"),
        run("adagrad", 0.1),
        run("adagrad", 0.1, lr_decay=0.1, weight_decay=0.05, initial_accumulator_value=0.5, eps=1e-6),
    ]
    return {"start": {k: put(v) for k, v in start.items()}, "gradients": [{k: put(v) for k, v in g.items()} for g in gradients], "runs": runs}


def clipping():
    """One plain step of rate 1 after clipping, which is the clipped gradient itself, negative."""
    gradients = {"w": given(3, 3), "b": given(5)}

    def clipped(clip):
        params = {k: asked(torch.zeros_like(v)) for k, v in gradients.items()}
        for k, p in params.items():
            p.grad = gradients[k].clone()
        norm = clip(params.values())
        torch.optim.SGD(params.values(), lr=1).step()
        return {"norm": None if norm is None else result(norm), "after": {k: result(p) for k, p in params.items()}}

    return {
        "gradients": {k: put(v) for k, v in gradients.items()},
        "byNorm": [{"limit": n, **clipped(lambda ps: clip_grad_norm_(ps, n))} for n in (0.5, 1, 100)],
        "byValue": [{"limit": n, **clipped(lambda ps: clip_grad_value_(ps, n))} for n in (0.25, 10)],
    }


# Schedules


def schedules():
    rate = 0.1

    def run(config, make, steps, observed=None):
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=rate)
        schedule, rates = make(optimizer), []
        for step in range(steps):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            if step + 1 < steps:
                schedule.step(*([] if observed is None else [observed[step]]))
        return {"config": config, "rate": rate, "rates": rates, **({} if observed is None else {"observed": observed})}

    lr = torch.optim.lr_scheduler
    warm = lambda o: lr.LinearLR(o, start_factor=1 / 6, total_iters=5)
    cosine = lambda o: lr.CosineAnnealingLR(o, T_max=20, eta_min=0.001)
    better = [1.0, 0.9, 0.9, 0.89, 0.9, 0.95, 0.89, 0.88, 0.895, 0.9, 0.88, 0.7, 0.7, 0.71, 0.699, 0.72, 0.71, 0.73, 0.74, 0.69]
    flat = better + [0.69] * 20
    plateau = {"factor": 0.5, "patience": 2, "threshold": 0.02, "cooldown": 1}
    cycle = lambda o, **k: lr.OneCycleLR(o, max_lr=rate, cycle_momentum=False, **k)
    return [
        run({"kind": "step", "every": 4, "gamma": 0.5}, lambda o: lr.StepLR(o, 4, gamma=0.5), 16),
        run({"kind": "exponential", "every": 1, "gamma": 0.9}, lambda o: lr.ExponentialLR(o, gamma=0.9), 16),
        run({"kind": "cosine", "steps": 20, "floor": 0.001}, cosine, 21),
        run({"kind": "oneCycle", "steps": 30}, lambda o: cycle(o, total_steps=30), 30),
        run(
            {"kind": "oneCycle", "steps": 17, "rise": 0.25, "divide": 10, "finalDivide": 100},
            lambda o: cycle(o, total_steps=17, pct_start=0.25, div_factor=10, final_div_factor=100),
            17,
        ),
        run({"kind": "constant", "warmup": 5}, warm, 10),
        run({"kind": "cosine", "steps": 20, "floor": 0.001, "warmup": 5}, lambda o: lr.SequentialLR(o, [warm(o), cosine(o)], [5]), 26),
        run({"kind": "plateau", **plateau, "floor": 0.004}, lambda o: lr.ReduceLROnPlateau(o, min_lr=0.004, **plateau), 40, flat),
        run({"kind": "plateau"}, lambda o: lr.ReduceLROnPlateau(o), 40, flat),
    ]


def main():
    torch.set_num_threads(1)
    parts = {
        "recurrent": list(networks()),
        "ops": [*losses(), *layers()],
        "optimizers": optimizers(),
        "clipping": clipping(),
        "schedules": schedules(),
    }
    made = {"by": "test/oracle/pytorch.py", "torch": torch.__version__, "numpy": numpy.__version__, "seed": SEED}
    line = lambda v: json.dumps(v, separators=(",", ":"), allow_nan=False)
    block = lambda v: "[\n" + ",\n".join(map(line, v)) + "\n]" if isinstance(v, list) else line(v)
    text = ",\n".join(f"{line(k)}:{block(v)}" for k, v in {"made": made, **parts}.items())
    Path(__file__).with_suffix(".json").write_text("{" + text + "}\n")


main()
