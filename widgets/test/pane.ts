import { expect } from "vitest";
import { Scope } from "../src/afm/scope";
import { type TileName, Tiles } from "../src/data/tiles";
import { Surface } from "../src/draw/canvas";
import { type Look, type Pane, PaneImage } from "../src/draw/spectrogram";
import { Viewport } from "../src/draw/viewport";
import { until } from "./player";
import type { FakeSpectrograms } from "./tiles";

/** One pane in the page, and the kernel behind it. */
export class ShownPane {
  readonly scope = new Scope();
  readonly viewport: Viewport;
  readonly tiles: Tiles;
  readonly image: PaneImage;
  readonly #box = document.createElement("div");
  readonly #surface: Surface;

  constructor(
    readonly fake: FakeSpectrograms,
    [width, height]: readonly [number, number],
  ) {
    this.#box.style.cssText = `width: ${width}px; height: ${height}px`;
    document.body.append(this.#box);
    this.scope.defer(() => this.#box.remove());
    this.#surface = new Surface(this.#box, () => undefined, this.scope);
    this.tiles = new Tiles(fake.model, this.scope);
    this.viewport = new Viewport(this.tiles.grid.frames);
    this.image = new PaneImage(this.tiles);
  }

  async draw(pane: Pane, look: Look): Promise<TileName[]> {
    await until(() => this.#surface.width > 0);
    return this.image.draw(this.#surface, this.viewport, pane, look);
  }

  /** Have one tile come. */
  async receive(name: TileName, exact = true): Promise<void> {
    await this.fake.send(name, exact);
    await until(() => this.tiles.at(name)?.isExact === exact);
  }

  /** Draw once everything is here that a sharp picture needs. */
  async drawSharp(pane: Pane, look: Look): Promise<void> {
    for (const name of await this.draw(pane, look)) await this.receive(name);
    expect(await this.draw(pane, look)).toEqual([]);
  }

  get size(): [number, number] {
    return [this.#surface.canvas.width, this.#surface.canvas.height];
  }

  /** Red, green, blue, opacity of each pixel. */
  get pixels(): Uint8ClampedArray {
    const context = this.#surface.canvas.getContext("2d") as CanvasRenderingContext2D;
    return context.getImageData(0, 0, ...this.size).data;
  }

  colour(x: number, y: number): string {
    const at = 4 * (y * this.size[0] + x);
    return this.pixels.subarray(at, at + 4).join();
  }
}
