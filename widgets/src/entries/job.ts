import "../ui/theme.css";
import "../ui/controls.css";
import "../ui/job.css";
import { defineWidget } from "../afm/widget";
import { JobSession, renderJob } from "../ui/job";

export default defineWidget({ initialize: (model, scope) => new JobSession(model, scope), render: renderJob });
