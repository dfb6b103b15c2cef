import type { Scope } from "../afm/scope";
import type { FilesSession } from "../data/files";
import { element } from "./dom";
import { chosenSongs } from "./files-chosen";
import { FolderView } from "./files-list";
import { PathBox } from "./files-path";
import { Previews } from "./files-preview";
import { UploadsView } from "./files-uploads";
import { liveRegion } from "./live";
import { ownKeys } from "./own-keys";

/** The file picker: type a path, browse the server, or, at last, upload. */
export function renderFiles(session: FilesSession, root: HTMLElement, scope: Scope): void {
  const frame = element("div", { class: "snb-files", role: "group", "aria-label": "Choose songs" });
  root.append(frame);
  const say = liveRegion(root, scope);
  const problem = element("p", { class: "snb-error", role: "alert" });
  const showProblem = (text: string) => {
    problem.textContent = text;
  };
  const previews = new Previews(session, showProblem, scope);
  const folder = new FolderView(session, previews, scope);
  const path = new PathBox(session, (to) => void folder.open(to, true), scope);
  const uploads = new UploadsView(session, say, scope);
  uploads.acceptDrops(frame);
  ownKeys(frame, scope);
  frame.append(
    element(
      "div",
      { class: "snb-columns" },
      element("div", { class: "snb-server" }, path.element, folder.element),
      element("div", { class: "snb-side" }, chosenSongs(session, previews, say, scope), uploads.element),
    ),
    problem,
  );
  void folder.open(session.model.get("roots")[0] ?? null);
}
