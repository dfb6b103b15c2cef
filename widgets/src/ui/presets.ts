import type { PlayerState } from "../data/state";

type Audibility = Pick<PlayerState, "muted" | "soloed">;

/** Which stems are heard, by a name. */
export interface Preset extends Audibility {
  readonly label: string;
}

const VOCALS = "vocals";

/** What can be chosen for a song: all, karaoke where there are vocals, and each stem alone. */
export function presetsOf(stems: readonly string[]): Preset[] {
  const karaoke = stems.includes(VOCALS) && stems.length > 1;
  return [
    { label: "All stems", muted: [], soloed: "" },
    ...(karaoke ? [{ label: "Karaoke (no vocals)", muted: [VOCALS], soloed: "" }] : []),
    ...stems.map((stem) => ({ label: `Only ${stem}`, muted: [], soloed: stem })),
  ];
}

/** Return the index of the preset that is in force, -1 for another mix. */
export function presetInForce(presets: readonly Preset[], state: Audibility): number {
  return presets.findIndex(({ muted, soloed }) =>
    soloed ? soloed === state.soloed : !state.soloed && sameNames(muted, state.muted),
  );
}

function sameNames(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((name) => other.includes(name));
}
