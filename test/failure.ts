/** @file What the tests of several folders ask of a call that must be refused. */
import { expect } from "vitest";
import { SluiceError } from "../src/base/errors.ts";

/** The SluiceError that `run` throws; anything else fails the test. */
export function failure(run: () => unknown): SluiceError {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(SluiceError);
    return error as SluiceError;
  }
  throw new Error("expected a SluiceError, nothing was thrown");
}
