import "../ui/theme.css";
import "../ui/controls.css";
import "../ui/desk.css";
import { defineWidget } from "../afm/widget";
import { DeskSession, renderDesk } from "../ui/desk";

export default defineWidget({ initialize: (model, scope) => new DeskSession(model, scope), render: renderDesk });
