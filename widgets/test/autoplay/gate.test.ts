import { expect, test } from "vitest";
import { userEvent } from "vitest/browser";
import { page } from "../../src/afm/page";
import { Scope } from "../../src/afm/scope";
import { Session } from "../../src/audio/session";
import { noisySong, songOf } from "../audio";
import { playerModel, until } from "../player";

test("without a click sound is blocked, which shows soon; a click enables it", async () => {
  const song = songOf(88_200, 2);
  const scope = new Scope();
  const session = new Session(playerModel(song, noisySong(song.frames, 2)), scope);
  session.attach(scope.child());
  // The first context of a browser takes its time.
  await session.play();
  expect(session.state).toBe("blocked");
  const begin = performance.now();
  await session.play();
  expect(performance.now() - begin).toBeLessThan(400);
  expect(session.state).toBe("blocked");
  const button = document.createElement("button");
  document.body.append(button);
  scope.listen(button, "click", () => void session.toggle());
  await userEvent.click(button);
  await until(() => session.state === "playing" && session.position > 1000);
  scope.dispose();
  expect(page().contexts.size).toBe(0);
});
