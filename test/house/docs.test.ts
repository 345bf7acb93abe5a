/** The documentation is true: reference pages are what the code gives, links lead somewhere, files and flags that pages name are there. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { expect, test } from "vitest";
import { Session } from "../../src/cli/session.ts";
import { tasks } from "../../src/cli/tasks.ts";

const root = join(import.meta.dirname, "../..");
const text = (file: string) => readFileSync(join(root, file), "utf8");
const pages = [
  ...readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" }).flatMap((f) => (f.endsWith(".md") ? [join("docs", f)] : [])),
  ...["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].filter((f) => existsSync(join(root, f))),
];
const isGenerated = (page: string) => text(page).startsWith("<!-- Generated");
/** A page without its blocks of code. */
const prose = (page: string) => text(page).replace(/^```[\s\S]*?^```$/gm, "");

/** The anchors that a renderer gives to a page's headings. */
const anchorsOf = (page: string) =>
  [...prose(page).matchAll(/^#+ (.+)$/gm)].map((m) => m[1]!.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-"));

test("the reference pages are what the code gives (otherwise: npm run docs, and commit)", () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ["scripts/docs.mjs", "--check"], { cwd: root, encoding: "utf8" });
  expect(`${stdout}${stderr}`).toBe("");
  expect(status).toBe(0);
});

test("every public name has its place in the reference", () => {
  const lost: string[] = [];
  for (const file of readdirSync(join(root, "test/house/names"))) {
    const door = file.replace(/(-index)?\.txt$/, "");
    const page = text(`docs/api/${door}.md`);
    for (const name of text(`test/house/names/${file}`).split("\n").filter(Boolean)) {
      if (!new RegExp(`^##+ ${name}$|\\[${name}\\]\\(`, "m").test(page)) lost.push(`${door}: ${name}`);
    }
  }
  expect(lost).toEqual([]);
});

test.each(pages)("%s: links lead to files and headings that are there", (page) => {
  const broken = [...prose(page).matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target = ""]) => {
    if (/^[a-z]+:/.test(target)) return [];
    const [path = "", anchor] = target.split("#");
    const file = path === "" ? page : relative(root, join(root, dirname(page), path));
    if (!existsSync(join(root, file))) return [target];
    return anchor === undefined || anchorsOf(file).includes(anchor) ? [] : [target];
  });
  expect(broken).toEqual([]);
});

/** What CONTRIBUTING makes up to show how an op is added. */
const invented = ["kernels/square.h", "src/ops/square.ts"];

test.each(pages.filter((page) => !isGenerated(page)))("%s: the files that it names are there", (page) => {
  const named = [...prose(page).matchAll(/`((?:src|kernels|test|bench|examples|scripts|docs)\/[\w./-]+)`/g)].map((m) => m[1]!);
  expect([...new Set(named)].filter((file) => !invented.includes(file) && !existsSync(join(root, file)))).toEqual([]);
});

test.each(Object.keys(tasks))("docs/%s.md lists exactly the flags of its sluice train", async (task) => {
  const command = await (await tasks[task]!.train.load()).command(new Session([]));
  const flags = command.options.map(({ long }) => long!).sort();
  const listed = [...text(`docs/${task}.md`).matchAll(/^\| `(--[\w-]+)/gm)].map((m) => m[1]!).sort();
  expect(listed).toEqual(flags);
});
