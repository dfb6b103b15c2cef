import "../ui/theme.css";
import "../ui/controls.css";
import "../ui/timeline.css";
import "../ui/player.css";
import "../ui/page.css";
import { Scope } from "../afm/scope";
import { PageModel } from "../afm/standalone";
import { defineWidget } from "../afm/widget";
import { Session } from "../audio/session";
import { renderPlayer } from "../ui/player";

const player = defineWidget<Session>({
  initialize: (model, scope) => new Session(model, scope),
  render: renderPlayer,
});

const el = document.getElementById("snb-app");
if (el) player().render({ model: new PageModel(document, new Scope()), el });
