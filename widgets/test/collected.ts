/** What Chromium answers with --expose-gc. */
interface Exposed {
  gc(options: { type: "major"; execution: "async" }): Promise<void>;
}

/**
 * Resolves when all these things are gone, and rejects when they stay.
 *
 * The collector runs from a task of its own: called in the middle of ours it takes whatever lies on the stack for a
 * pointer, and spares what such a number happens to name.
 */
export async function collected(refs: readonly WeakRef<object>[]): Promise<void> {
  const { gc } = globalThis as unknown as Exposed;
  let alive = refs.length;
  const end = performance.now() + 10_000;
  do {
    await gc({ type: "major", execution: "async" });
    alive = refs.filter((ref) => ref.deref()).length;
  } while (alive && performance.now() < end);
  if (alive) throw new Error(`${alive} of ${refs.length} are still alive.`);
}
