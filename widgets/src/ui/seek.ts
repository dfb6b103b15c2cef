import { element } from "./dom";
import { spokenTime } from "./format";
import type { Context, Part } from "./parts";
import { slider } from "./slider";

/** The slider that holds the position; it has the focus when none of the other controls wants it. */
export function seekSlider({ session, actions, scope }: Context): Part & { readonly input: HTMLInputElement } {
  const { frames, sampleRate } = session.song;
  const length = spokenTime(frames / sampleRate);
  let isHeld = false;
  const made = slider(
    {
      label: "Position",
      ...{ min: 0, max: frames, step: 1, reset: null, class: "snb-seek" },
      spoken: (frame) => `${spokenTime(frame / sampleRate)} of ${length}`,
      onInput: (frame) => actions.seek(frame),
    },
    scope,
  );
  scope.listen(made.input, "pointerdown", () => {
    isHeld = true;
  });
  for (const type of ["pointerup", "pointercancel", "change"])
    scope.listen(made.input, type, () => {
      isHeld = false;
    });
  const root = element("div", { class: "snb-seek-bar" }, made.root);
  const tick = () => {
    if (!isHeld && Math.round(session.position) !== Number(made.input.value)) made.set(Math.round(session.position));
  };
  made.set(session.position);
  return { root, input: made.input, tick };
}
