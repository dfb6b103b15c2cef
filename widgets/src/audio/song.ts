/** What times are counted in: samples of each signal. */
export interface Timeline {
  readonly sampleRate: number;
  /** Length of each signal. */
  readonly frames: number;
}

/** What is played, in samples; fixed for the life of a player. */
export interface Song extends Timeline {
  readonly title: string;
  readonly chunkFrames: number;
  readonly stems: readonly string[];
  /** The mixture is the signal after the last stem. */
  readonly hasMixture: boolean;
  /** The sample value that ±1 of the decoded chunks stands for. */
  readonly fullScale: number;
}

/** A region [first, stop) that is played again and again. */
export interface Loop {
  readonly first: number;
  readonly stop: number;
}

/** Samples [first, stop) of the song, all in one chunk, that are played without a break. */
export interface Segment extends Loop {
  readonly chunk: number;
}

export function signalCount({ stems, hasMixture }: Song): number {
  return stems.length + Number(hasMixture);
}

export function chunkCount({ frames, chunkFrames }: Song): number {
  return Math.ceil(frames / chunkFrames);
}

/** What is played from `frame` on; null at the end of the song. A loop holds whoever comes before its end. */
export function segmentAt(frame: number, song: Song, loop: Loop | null): Segment | null {
  if (frame >= song.frames) return null;
  const chunk = Math.floor(frame / song.chunkFrames);
  const end = Math.min((chunk + 1) * song.chunkFrames, song.frames);
  return { chunk, first: frame, stop: loop && frame < loop.stop ? Math.min(end, loop.stop) : end };
}

/** The sample that is heard after a segment. */
export function frameAfter({ stop }: Segment, loop: Loop | null): number {
  return loop && stop === loop.stop ? loop.first : stop;
}

/** Numbers of the chunks that the next `count` samples from `frame` on are in, in the order of need. */
export function chunksAhead(frame: number, count: number, song: Song, loop: Loop | null): number[] {
  const chunks = new Set<number>();
  let at = segmentAt(frame, song, loop);
  for (let left = count; at && left > 0; at = segmentAt(frameAfter(at, loop), song, loop)) {
    chunks.add(at.chunk);
    left -= at.stop - at.first;
  }
  return [...chunks];
}
