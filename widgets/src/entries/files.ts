import "../ui/theme.css";
import "../ui/controls.css";
import "../ui/files.css";
import { defineWidget } from "../afm/widget";
import { FilesSession } from "../data/files";
import { renderFiles } from "../ui/files";

export default defineWidget({ initialize: (model, scope) => new FilesSession(model, scope), render: renderFiles });
