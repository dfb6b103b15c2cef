/** Turns encoded sound into samples as fractions of full scale: values times the song's full scale are the samples. */
export class Codec {
  #context: OfflineAudioContext | null = null;

  /** The rate must be the sound's: browsers resample what they decode to the rate of the context. */
  constructor(readonly sampleRate: number) {}

  async decode(encoded: Blob): Promise<AudioBuffer> {
    // Decoding needs no permission to play, unlike an AudioContext.
    this.#context ??= new OfflineAudioContext({ length: 1, sampleRate: this.sampleRate });
    return this.#context.decodeAudioData(await encoded.arrayBuffer());
  }
}
