/**
 * @file Metrics as TensorBoard reads them: a file of TFRecord frames, each an `Event` protobuf. Node-only.
 * Frame: length (8 bytes, little-endian), masked CRC-32C of those 8, the message, masked CRC-32C of the message.
 * @see tensorflow/core/lib/io/record_writer.h, tensorflow/core/util/event.proto, tensorflow/core/framework/summary.proto
 */

import * as fs from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { Crc32c } from "@aws-crypto/crc32c";
import { PbfWriter } from "pbf";
import { SluiceError } from "../base/errors.ts";
import { ioError, isSystemError, writeAll } from "./files.ts";

/** Frames wait in memory until there are this many bytes or the oldest has waited this long (ms). */
const holdBytes = 65536;
const holdTime = 5000;

let filesOpened = 0;

/** Appends scalars to one new event file in `folder`, which is made if need be. Several writers may share a folder. */
export class EventWriter {
  /** The event file. */
  readonly path: string;
  readonly #now: () => number;
  #file: number | undefined;
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #heldSince: number;
  /** Bytes of whole frames in the file. */
  #written = 0;

  /**
   * @param now milliseconds since 1970, `Date.now` unless a test says otherwise
   * @throws io: the folder cannot be made or written
   */
  constructor(folder: string, now: () => number = Date.now) {
    this.#now = now;
    this.#heldSince = now();
    const seconds = String(Math.floor(now() / 1000)).padStart(10, "0");
    this.path = join(folder, `events.out.tfevents.${seconds}.${hostname()}.${process.pid}.${filesOpened++}`);
    this.#system(() => {
      fs.mkdirSync(folder, { recursive: true });
      this.#file = fs.openSync(this.path, "ax"); // append: after a truncation the next write goes to the new end
    });
    this.#event((pbf) => pbf.writeStringField(3, "brain.Event:2"));
    this.flush();
  }

  /**
   * Records `value` (stored as float32; NaN and Infinity are kept, TensorBoard marks them) under `tag` at `step`.
   * @param step whole number from 0
   * @throws state: closed; range: `step`; io: disk full and the like
   */
  scalar(tag: string, value: number, step: number): void {
    if (!Number.isSafeInteger(step) || step < 0)
      throw new SluiceError("range", `${this.path}: step is ${step}, expected a whole number from 0; tag "${tag}"`, {
        step,
        tag,
      });
    this.#event((pbf) => {
      pbf.writeVarintField(2, step);
      pbf.writeMessage(5, writeSummary, { tag, value });
    });
    if (this.#heldBytes >= holdBytes || this.#now() - this.#heldSince >= holdTime) this.flush();
  }

  /**
   * Hands everything so far to the operating system, so that a running TensorBoard sees it.
   * After a failure no half frame stays in the file and the scalars are still held: the next flush tries again.
   */
  flush(): void {
    const file = this.#open();
    this.#system(() => {
      try {
        writeAll(file, Buffer.concat(this.#held));
      } catch (cause) {
        fs.ftruncateSync(file, this.#written);
        throw cause;
      }
    });
    this.#written += this.#heldBytes;
    this.#held = [];
    this.#heldBytes = 0;
    this.#heldSince = this.#now();
  }

  /** Flushes and closes; closing again does nothing. */
  close(): void {
    if (this.#file === undefined) return;
    try {
      this.flush();
    } finally {
      fs.closeSync(this.#file);
      this.#file = undefined;
    }
  }

  #event(what: (pbf: PbfWriter) => void): void {
    this.#open();
    const pbf = new PbfWriter();
    pbf.writeDoubleField(1, this.#now() / 1000);
    what(pbf);
    const frame = frameOf(pbf.finish());
    this.#held.push(frame);
    this.#heldBytes += frame.length;
  }

  #open(): number {
    if (this.#file === undefined)
      throw new SluiceError("state", `${this.path}: the event file is closed, expected an open one; make a new EventWriter`, {
        file: this.path,
      });
    return this.#file;
  }

  #system(run: () => void): void {
    try {
      run();
    } catch (cause) {
      throw isSystemError(cause) ? ioError(this.path, cause.code, this.#heldBytes, cause) : cause;
    }
  }
}

/** Summary { repeated Value value = 1 }, Value { string tag = 1; float simple_value = 2 }. */
function writeSummary(scalar: { tag: string; value: number }, pbf: PbfWriter): void {
  pbf.writeMessage(1, writeValue, scalar);
}
function writeValue({ tag, value }: { tag: string; value: number }, pbf: PbfWriter): void {
  pbf.writeStringField(1, tag);
  pbf.writeFloatField(2, value);
}

function frameOf(message: Uint8Array): Uint8Array {
  const frame = new Uint8Array(16 + message.length);
  const view = new DataView(frame.buffer);
  view.setBigUint64(0, BigInt(message.length), true);
  view.setUint32(8, maskedCrc(frame.subarray(0, 8)), true);
  frame.set(message, 12);
  view.setUint32(12 + message.length, maskedCrc(message), true);
  return frame;
}

/** Rotated and shifted, so that a checksum of data holding checksums stays a good one. */
function maskedCrc(bytes: Uint8Array): number {
  const crc = new Crc32c().update(bytes).digest();
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
