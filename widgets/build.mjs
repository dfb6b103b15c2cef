// Builds one ES module and one style sheet for each file in src/entries into spleeter_nb/static, and fails when one
// is larger than its budget: the source is sent anew for every instance.
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const ENTRIES = join(import.meta.dirname, "src", "entries");
const STATIC = join(import.meta.dirname, "..", "spleeter_nb", "static");
const BUDGET_BYTES = 60_000; // of a module, gzipped

rmSync(STATIC, { recursive: true, force: true });
const { metafile } = await build({
  entryPoints: readdirSync(ENTRIES).map((name) => join(ENTRIES, name)),
  outdir: STATIC,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  metafile: true,
  define: { "define.amd": "false" }, // hosts with RequireJS
});

let tooLarge = false;
for (const file of Object.keys(metafile.outputs).sort()) {
  const bytes = gzipSync(readFileSync(join(STATIC, basename(file)))).length;
  console.log(`${basename(file).padEnd(20)} ${String(bytes).padStart(7)} bytes gzipped`);
  tooLarge ||= bytes > BUDGET_BYTES;
}
if (tooLarge) throw new Error(`A bundle is larger than ${BUDGET_BYTES} bytes gzipped.`);
