/** Shows the player over the demo song, with a page in place of a kernel: for looking at, and for trying things out. */
import "../src/ui/theme.css";
import "../src/ui/controls.css";
import "../src/ui/player.css";
import { Scope } from "../src/afm/scope";
import { PageModel } from "../src/afm/standalone";
import makePlayer from "../src/entries/player";

const scope = new Scope();
const model = new PageModel(document, scope);
const player = makePlayer();
player.initialize({ model });

const views = document.getElementById("views");
function show(): void {
  const el = document.createElement("div");
  views?.append(el);
  player.render({ model, el });
}
show();

function onClick(id: string, action: () => void): void {
  const button = document.getElementById(id);
  if (button) scope.listen(button, "click", action);
}
onClick("second", show);
onClick("dark", () => document.body.classList.toggle("dark"));
if (location.hash === "#dark") document.body.classList.add("dark");
Object.assign(globalThis, { model });
