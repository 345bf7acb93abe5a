/** @file `sluice inspect`: says what is in a model file, a checkpoint, or any safetensors file. Node-only. */
import type { Command } from "commander";
import { newCommand } from "./command.ts";
import type { Session } from "./session.ts";

const help = `
Reads Sluice's models and checkpoints, and lists the tensors of any other safetensors file.
Nothing in the file is run.

Examples:
  $ sluice inspect model.safetensors
  $ sluice inspect model.safetensors.ckpt
  $ sluice inspect model.safetensors --json | jq .provenance.plan`;

export const command = (session: Session): Command =>
  newCommand("inspect", "Says what is in a model file: what it does, sizes, parameters, where it comes from, how good it is.")
    .argument("<file>", "model, checkpoint or other safetensors file")
    .optionsGroup("General:")
    .option("--json", "end with one JSON object on stdout")
    .option("--quiet", "only the result")
    .addHelpText("after", help)
    .action((file: string) => inspectFile(file, session));

async function inspectFile(path: string, session: Session): Promise<void> {
  const [{ readBytes }, { decodeSafetensors }, { decodeModel }, show] = await Promise.all([
    import("../formats/files.ts"),
    import("../formats/safetensors.ts"),
    import("../formats/model.ts"),
    import("./show-model.ts"),
  ]);
  const bytes = readBytes(path);
  const raw = decodeSafetensors(bytes, path);
  const tensors = show.tensorRows(raw.tensors);
  if (!raw.metadata.has("sluice")) {
    if (!session.json) session.show(show.showPlain(path, bytes.length, tensors, raw.metadata));
    session.result({ file: path, bytes: bytes.length, kind: "safetensors", metadata: Object.fromEntries(raw.metadata), tensors });
    return;
  }
  const { task, writer = null, config, preprocessing, provenance, checkpoint } = decodeModel(bytes, path);
  const model = { task, writer, config, preprocessing, provenance, ...(checkpoint ? { checkpoint } : {}) };
  if (!session.json) {
    const { tasks } = await import("./tasks.ts");
    const about = Object.hasOwn(tasks, task) ? await tasks[task]!.inspect() : undefined;
    session.show(show.showModel(path, bytes.length, model, tensors, about));
  }
  session.result({ file: path, bytes: bytes.length, kind: checkpoint ? "checkpoint" : "model", ...model, tensors });
}
