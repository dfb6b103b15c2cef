import "../ui/theme.css";
import "../ui/controls.css";
import "../ui/models.css";
import { defineWidget } from "../afm/widget";
import { ModelsSession, renderModels } from "../ui/models";

export default defineWidget({ initialize: (model, scope) => new ModelsSession(model, scope), render: renderModels });
