import "../ui/theme.css";
import "../ui/controls.css";
import "../ui/timeline.css";
import "../ui/player.css";
import { defineWidget } from "../afm/widget";
import { Session } from "../audio/session";
import { renderPlayer } from "../ui/player";

export default defineWidget({
  initialize: (model, scope) => new Session(model, scope),
  render: renderPlayer,
});
