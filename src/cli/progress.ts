/** @file How a training under way is shown: a bar on a terminal, a line for each epoch elsewhere. Always on stderr. Node-only. */
import type { SingleBar } from "cli-progress";
import { type PlanEvent, UNCOUNTED } from "../tasks/common/run.ts";
import type { TrainEvent } from "../train/index.ts";
import { showClock } from "./command.ts";
import type { Session } from "./session.ts";

type StepEvent = Extract<TrainEvent, { type: "step" }>;
type EpochEvent = Extract<TrainEvent, { type: "epoch" }>;

const digits = (v: number): string =>
  Math.abs(v) >= 1e4 || (v !== 0 && Math.abs(v) < 1e-3) ? v.toExponential(2) : v.toPrecision(4);

/** Takes the events of one training. */
export class Progress {
  #bar: SingleBar | null = null;
  #plan: PlanEvent | null = null;
  #first = 0;
  #began = 0;
  #speed = 0;
  #valid = "–";
  /** Mean of the losses of late, which one batch does not throw about. */
  #loss = Number.NaN;

  constructor(
    readonly session: Session,
    /** What the speed counts: `windows`. */
    readonly unit: string,
    /** Seconds after which training ends anyway. */
    readonly timeLimit = Number.POSITIVE_INFINITY,
  ) {}

  async begin(plan: PlanEvent): Promise<void> {
    this.#plan = plan;
    this.#began = performance.now();
    this.#first = 0;
    if (!process.stderr.isTTY || this.session.quiet) return;
    const { SingleBar } = await import("cli-progress").then((m) => m.default);
    this.#bar = new SingleBar({
      format: "{bar} epoch {epoch}  loss {loss}  valid {valid}  {speed}/s  {left} left",
      barCompleteChar: "█",
      barIncompleteChar: "░",
      barsize: Math.max(8, Math.min(30, (process.stderr.columns ?? 80) - 76)),
      stream: process.stderr,
      clearOnComplete: true,
      gracefulExit: false, // Ctrl-C is the training's business
    });
  }

  step(event: StepEvent): void {
    const { plan, stepsPerEpoch } = this.#plan!;
    const total = plan.epochs * stepsPerEpoch;
    if (this.#first === 0) {
      this.#first = event.step;
      this.#bar?.start(1, event.step / total, {
        epoch: ofAll(event.epoch, plan.epochs),
        loss: "–",
        valid: "–",
        speed: "–",
        left: "–:––",
      });
    }
    this.#speed = event.samplesPerSecond;
    this.#loss = Number.isNaN(this.#loss) ? event.loss : 0.95 * this.#loss + 0.05 * event.loss;
    if (!this.#bar) return;
    const elapsed = (performance.now() - this.#began) / 1000;
    const perStep = elapsed / (event.step - this.#first + 1);
    const left = Math.min((total - event.step) * perStep, this.timeLimit - elapsed);
    // Steps or time, whatever ends the training first.
    this.#bar.update(Math.min(1, Math.max(event.step / total, elapsed / this.timeLimit)), {
      epoch: ofAll(event.epoch, plan.epochs),
      loss: digits(this.#loss),
      valid: this.#valid,
      speed: `${Math.round(this.#speed)} ${this.unit}`,
      left: showClock(left),
    });
  }

  epoch(event: EpochEvent): void {
    const { epoch, trainLoss, validLoss, improved, seconds } = event;
    this.#valid = digits(event.best?.value ?? validLoss ?? trainLoss);
    if (this.#bar) return;
    const { epochs } = this.#plan!.plan;
    const of = ofAll(epoch, epochs);
    const valid = validLoss === null ? "" : `  valid ${digits(validLoss)}`;
    this.session.say(
      `epoch ${of}  loss ${digits(trainLoss)}${valid}  ${Math.round(this.#speed)} ${this.unit}/s  ${seconds.toFixed(1)} s${improved ? "  best so far" : ""}`,
    );
  }

  /** Takes the bar away, so that lines can follow. May be called again. */
  end(): void {
    this.#bar?.stop();
    this.#bar = null;
  }
}

/** `3/20`; the number alone where time and not a number of epochs ends the training. */
const ofAll = (epoch: number, epochs: number): string => (epochs >= UNCOUNTED ? `${epoch}` : `${String(epoch).padStart(String(epochs).length)}/${epochs}`);
