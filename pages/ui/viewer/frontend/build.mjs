// Bundles the viewer. The same sources and lock file give the same bytes.

import { build } from "esbuild";
import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

// Stands in for modules of node that are asked for and never used.
const EMPTY = "./build/empty.cjs";

const result = await build({
  entryPoints: { viewer: "src/index.ts", carrier: "src/carrier.ts" },
  outdir: "dist",
  bundle: true,
  minify: true,
  format: "esm",
  platform: "browser",
  target: "es2022",
  legalComments: "none", // all licences are in dist/LICENSES.txt
  charset: "ascii",
  metafile: true,
  alias: { events: EMPTY, url: EMPTY },
  define: { "process.env.NODE_ENV": '"production"' },
});

await writeFile("dist/LICENSES.txt", await licences(Object.keys(result.metafile.inputs)));

/** Name, version and licence text of every package with a line in a bundle. */
async function licences(inputs) {
  const used = Object.values(result.metafile.outputs).flatMap(({ inputs: bytes }) =>
    Object.entries(bytes).filter(([, { bytesInOutput }]) => bytesInOutput).map(([path]) => path));
  const folders = new Set(used.map(packageFolder).filter(Boolean));
  const texts = await Promise.all([...folders].sort().map(describe));
  return texts.join(`\n${"=".repeat(100)}\n\n`);
}

function packageFolder(path) {
  const found = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path);
  return found?.[1];
}

async function describe(folder) {
  const { name, version, license, licenses, author, repository } = JSON.parse(
    await readFile(join(folder, "package.json"), "utf8"));
  const kind = license?.type ?? license ?? licenses?.map(({ type }) => type).join(" or ") ?? "";
  const files = (await readdir(folder)).filter((file) => /^(licen[cs]e|copying|notice)/i.test(file));
  const texts = await Promise.all(files.sort().map((file) => readFile(join(folder, file), "utf8")));
  if (!texts.length) {
    if (kind !== "MIT") throw new Error(`${name} comes without the text of its licence`);
    const owner = author?.name ?? author ?? `the authors of ${repository?.url ?? repository}`;
    texts.push(`Copyright (c) ${owner}\n\n${await readFile("build/MIT.txt", "utf8")}`);
  }
  return `${name} ${version} (${kind})\n\n${texts.join("\n").replace(/\r\n/g, "\n").trim()}\n`;
}
