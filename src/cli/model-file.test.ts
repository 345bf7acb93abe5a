/** @file Which task a model file is for, before it is read, and what is said to one that cannot do what is asked. Truth: files written for the purpose. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { failure } from "../../test/failure.ts";
import { encodeModel, encodeSafetensors } from "../formats/index.ts";
import { openModel, taskOf, wrongTask } from "./model-file.ts";
import { type ModelVerb, modelVerbs, tasks } from "./tasks.ts";

const folder = mkdtempSync(join(tmpdir(), "sluice-task-"));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string, bytes: Uint8Array | string): string => {
  writeFileSync(join(folder, name), bytes);
  return join(folder, name);
};
const modelFor = (task: string) => encodeModel({ task, config: {}, preprocessing: {}, provenance: {}, tensors: {} });

test("the task is read from the header alone; other files have none", () => {
  expect(taskOf(file("m", modelFor("language")))).toBe("language");
  const none: [string, string][] = [
    ["a folder", folder],
    ["no file", join(folder, "nothing")],
    ["a sentence, too long for a file's name", "word ".repeat(2000)],
    ["a name that no file can have", "a\0b"],
    ["a text", file("t", "a text that is long enough to have a length")],
    ["an empty file", file("e", "")],
    ["another program's tensors", file("s", encodeSafetensors({ w: { dtype: "F32", shape: [1], data: Float32Array.of(1) } }))],
    ["metadata that is no JSON", file("j", encodeSafetensors({}, { sluice: "{" }))],
    ["a task that is no text", file("n", encodeSafetensors({}, { sluice: '{"task":7}' }))],
    ["a truncated header", file("c", modelFor("language").subarray(0, 40))],
  ];
  for (const [what, path] of none) expect(taskOf(path), what).toBe(undefined);
});

test("a verb that a model's task does not have is refused with the command that it has", () => {
  for (const [task, { verbs, use }] of Object.entries(tasks)) {
    expect(use).toContain("<model>");
    expect(verbs[use.split(" ")[0] as ModelVerb], `${task}: ${use}`).toBeDefined();
    for (const verb of Object.keys(modelVerbs) as ModelVerb[]) {
      if (verbs[verb]) continue;
      const { code, message } = wrongTask("m.safetensors", verb, task);
      expect(code).toBe("usage");
      expect(message).toContain(`${verb}: m.safetensors is a model for the task "${task}", expected `);
      expect(message).toContain(`use it with: sluice ${use.replace("<model>", "m.safetensors")}`);
    }
  }
});

test("a model is opened for its own task only", () => {
  const path = file("f", modelFor("forecast"));
  expect(openModel(path, "predict", "forecast").task).toBe("forecast");
  expect(failure(() => openModel(path, "generate", "language")).message).toContain(`generate: ${path} is a model for the task "forecast"`);
  const strange = file("x", modelFor("telepathy"));
  expect(failure(() => openModel(strange, "predict", "forecast"))).toMatchObject({ code: "format", message: expect.stringContaining('the task "telepathy", expected "forecast"') });
});
