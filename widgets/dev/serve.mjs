// `node dev/serve.mjs [port]` shows dev/player.html, built anew for each load; PYTHON names the package's interpreter.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { build } from "esbuild";

const here = import.meta.dirname;
const python = process.env.PYTHON ?? join(here, "..", "..", ".venv", "bin", "python");
const song = execFileSync(python, [join(here, "song.py")], { maxBuffer: 2 ** 28, encoding: "utf8" });

async function answer(path) {
  if (path === "/")
    return ["text/html", readFileSync(join(here, "player.html"), "utf8").replace("<!-- song -->", () => song)];
  const { outputFiles } = await build({
    entryPoints: [join(here, "player.ts")],
    ...{ bundle: true, write: false, format: "esm", target: "es2022", outdir: here, sourcemap: "inline" },
  });
  const file = outputFiles.find((one) => one.path.endsWith(path));
  return [path.endsWith(".css") ? "text/css" : "text/javascript", file?.text ?? ""];
}

const port = Number(process.argv[2] ?? 8765);
createServer(async ({ url }, response) => {
  try {
    const [type, text] = await answer(new URL(url, "http://localhost").pathname);
    response.writeHead(200, { "content-type": `${type}; charset=utf-8` }).end(text);
  } catch (error) {
    response.writeHead(500, { "content-type": "text/plain" }).end(String(error));
  }
}).listen(port, "localhost", () => process.stdout.write(`http://localhost:${port}/\n`));
