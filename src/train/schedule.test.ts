/** Schedules. Truth: the formulas in the papers and PyTorch's documentation, written out; PyTorch's rules replayed by hand for plateau; a round trip for the text. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseSchedule, type ScheduleConfig, schedule, showSchedule } from "./index.ts";

const plan = { steps: 100, stepsPerEpoch: 10, rate: 0.5 };
const rates = (config: ScheduleConfig | number | string, steps: number[], p = plan) => {
  const s = schedule(config, p);
  return steps.map((t) => s.rate(t));
};
const close = (got: number[], due: number[]) => {
  expect(got.length).toBe(due.length);
  for (const [i, v] of got.entries()) expect(v).toBeCloseTo(due[i]!, 14);
};

describe("formulas", () => {
  test("constant, and the optimizer's rate where none is given", () => {
    close(rates(0.1, [0, 50, 1000]), [0.1, 0.1, 0.1]);
    close(rates({ kind: "constant" }, [3]), [0.5]);
    expect(schedule(undefined, plan).rate(7)).toBe(0.5);
  });
  test("step falls at the borders, in steps or in epochs", () => {
    close(rates({ kind: "step", rate: 1, every: 3, gamma: 0.5 }, [0, 2, 3, 5, 6]), [1, 1, 0.5, 0.5, 0.25]);
    close(rates({ kind: "step", rate: 1, every: "2 epochs" }, [19, 20, 40]), [1, 0.1, 0.01]);
  });
  test("exponential", () => {
    close(rates({ kind: "exponential", rate: 2, every: 1, gamma: 0.9 }, [0, 1, 7]), [2, 1.8, 2 * 0.9 ** 7]);
    close(rates({ kind: "exponential", rate: 2, gamma: 0.8 }, [10, 15]), [1.6, 2 * 0.8 ** 1.5]);
  });
  test("cosine goes from rate to floor over the plan and stays there", () => {
    close(rates({ kind: "cosine", rate: 1, floor: 0.2 }, [0, 25, 50, 100, 130]), [
      1,
      0.2 + 0.4 * (1 + Math.SQRT1_2),
      0.6,
      0.2,
      0.2,
    ]);
    close(rates({ kind: "cosine", rate: 1, steps: 40 }, [20, 40]), [0.5, 0]);
  });
  test("warm-up rises in a line to the schedule's beginning, which then starts", () => {
    close(rates({ kind: "constant", rate: 1, warmup: 4 }, [0, 1, 2, 3, 4, 5]), [0.2, 0.4, 0.6, 0.8, 1, 1]);
    close(rates({ kind: "cosine", rate: 1, warmup: "2 epochs" }, [20, 60, 100]), [1, 0.5, 0]);
    close(rates({ kind: "step", rate: 1, every: 3, warmup: 1 }, [0, 1, 3, 4]), [0.5, 1, 1, 0.1]);
  });
  test("one-cycle: PyTorch's OneCycleLR(max_lr=1, total_steps=100)", () => {
    const half = (from: number, to: number, share: number) => to + ((from - to) / 2) * (1 + Math.cos(Math.PI * share));
    close(rates({ kind: "oneCycle", rate: 1 }, [0, 10, 29, 64, 99, 200]), [
      0.04,
      half(0.04, 1, 10 / 29),
      1,
      half(1, 4e-6, 0.5),
      4e-6,
      4e-6,
    ]);
  });
});

describe("plateau", () => {
  test("PyTorch's ReduceLROnPlateau, replayed by hand", () => {
    const s = schedule({ kind: "plateau", rate: 1, factor: 0.5, patience: 1, cooldown: 1, floor: 0.2, threshold: 0.1 }, plan);
    const seen: number[] = [];
    //                 best  bad1  bad2→½ cool  bad1  bad2→¼ cool better bad1 bad2→floor
    for (const value of [10, 9.5, 9.5, 9.5, 9.5, 9.5, 9.5, 8, 8, 8]) {
      s.observe(value);
      seen.push(s.rate(0));
    }
    expect(seen).toEqual([1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 0.2]);
  });
  test("its state is JSON and goes on where it was", () => {
    const config = { kind: "plateau", rate: 1, patience: 2 } as const;
    const one = schedule(config, plan);
    const two = schedule(config, plan);
    expect(JSON.parse(JSON.stringify(one.state))).toEqual({ rate: 1, best: null, bad: 0, cooldown: 0 });
    for (const v of [3, 3, 3]) one.observe(v);
    two.load(JSON.parse(JSON.stringify(one.state)));
    for (const s of [one, two]) s.observe(3);
    expect([one.rate(0), two.rate(0)]).toEqual([0.1, 0.1]);
    expect(schedule(0.1, plan).state).toBe(null);
  });
});

describe("text", () => {
  test("numbers and calls", () => {
    expect(parseSchedule("1e-3", "x")).toEqual({ kind: "constant", rate: 0.001 });
    expect(parseSchedule(" .5 ", "x")).toEqual({ kind: "constant", rate: 0.5 });
    expect(parseSchedule("cosine(1e-3, warmup=200)", "x")).toEqual({ kind: "cosine", rate: 0.001, warmup: 200 });
    expect(parseSchedule("Step(every = 10 epochs, gamma=.5)", "x")).toEqual({ kind: "step", every: "10 epochs", gamma: 0.5 });
    expect(parseSchedule("onecycle", "x")).toEqual({ kind: "oneCycle" });
    expect(parseSchedule("plateau()", "x")).toEqual({ kind: "plateau" });
  });
  test("showSchedule is read back as it was", () => {
    const positive = fc.double({ min: 1e-9, max: 1e3, noNaN: true });
    const share = fc.double({ min: 0.01, max: 0.99, noNaN: true });
    const span = fc.oneof(
      fc.integer({ min: 1, max: 1e6 }),
      fc.integer({ min: 1, max: 99 }).map((n) => `${n} epochs` as const),
    );
    const rate = { rate: fc.option(positive, { nil: undefined }), warmup: fc.option(span, { nil: undefined }) };
    const config = fc.oneof(
      fc.record({ kind: fc.constant("constant"), ...rate }),
      fc.record({ kind: fc.constant("step"), ...rate, every: span, gamma: share }),
      fc.record({ kind: fc.constant("oneCycle"), ...rate, steps: span, rise: share }),
      fc.record({ kind: fc.constant("plateau"), ...rate, factor: share, patience: fc.nat(50) }),
    ) as fc.Arbitrary<ScheduleConfig>;
    fc.assert(
      fc.property(config, (c) => {
        expect(parseSchedule(showSchedule(c), "x")).toEqual(JSON.parse(JSON.stringify(c)));
      }),
    );
  });
  test("a cosine without a number of steps runs over the time limit, and only then", () => {
    const timed = schedule("cosine(2, warmup=3)", { ...plan, steps: Infinity, timed: true });
    expect(timed.rate(1, 0.9)).toBeCloseTo(1, 12); // the warm-up counts steps
    expect([0, 0.5, 1, 7].map((elapsed) => timed.rate(100, elapsed))).toEqual([2, 1, 0, 0].map((v) => expect.closeTo(v, 12)));
    const counted = schedule("cosine(2)", { ...plan, timed: true });
    expect(counted.rate(0, 0.9)).toBe(2);
  });
  test("what can't be meant names the flag, the text and what was due", () => {
    const where = "train: --lr";
    const due = 'expected a number above 0 or a schedule like "cosine(1e-3, warmup=200)"';
    expect(() => parseSchedule("fast", where)).toThrow(`train: --lr is "fast", ${due}`);
    for (const text of [
      "",
      "0",
      "-1",
      "1e999",
      "0x10",
      "cosine(1e-3",
      "cosine(1e-3, 5)",
      "cosine(a)",
      "cosine(rate=1, rate=2)",
    ]) {
      expect(() => parseSchedule(text, where), text).toThrow(`train: --lr is "${text}", ${due}`);
    }
    expect(() => parseSchedule("cosin(1e-3)", where)).toThrow('did you mean "cosine"?');
    expect(() => parseSchedule("cosine(1e-3, warm=3)", where)).toThrow(
      'train: --lr: cosine has no option "warm", expected rate, warmup, floor, steps; did you mean "warmup"?',
    );
    expect(() => parseSchedule("step(1, gamma=2)", where)).toThrow(
      "train: --lr: step's gamma is 2, expected a number above 0, up to 1",
    );
    expect(() => schedule({ kind: "cosine", steps: "many" } as never, plan)).toThrow('cosine\'s steps is "many"');
    expect(() => schedule("cosine(1)", { ...plan, steps: Infinity })).toThrow("cosine has no end, expected one");
    expect(() => parseSchedule(`cosine(1, steps=${"1".repeat(400)})`, where)).toThrow(/expected steps from 1/);
  });
});
