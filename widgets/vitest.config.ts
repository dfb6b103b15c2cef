import { playwright } from "@vitest/browser-playwright";
import { defineConfig } from "vitest/config";

/** How this project starts Debian's Chromium everywhere; sound works without a sound card. */
const CHROMIUM_ARGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--js-flags=--expose-gc",
];

/** A project whose tests run in Chromium with one policy for sound. */
function chromium(name: string, include: string[], autoplayPolicy: string) {
  const args = [...CHROMIUM_ARGS, `--autoplay-policy=${autoplayPolicy}`];
  return {
    // Found while tests run, it would reload them.
    optimizeDeps: { include: ["axe-core"] },
    test: {
      name,
      include,
      testTimeout: 30_000,
      browser: {
        enabled: true,
        headless: true,
        screenshotFailures: false,
        provider: playwright({ launchOptions: { executablePath: "/usr/bin/chromium", args } }),
        instances: [{ browser: "chromium" as const }],
      },
    },
  };
}

export default defineConfig({
  test: {
    projects: [
      { test: { name: "unit", include: ["test/unit/**/*.test.ts"], environment: "jsdom" } },
      chromium("browser", ["test/browser/**/*.test.ts"], "no-user-gesture-required"),
      chromium("autoplay", ["test/autoplay/**/*.test.ts"], "document-user-activation-required"),
    ],
  },
});
