import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

import { TRACKER } from "./page.js";

test("the tracker without its comments takes at most 5 KB, gzipped", () => {
  const code = TRACKER.replace(/\/\*[^]*?\*\/|^\s*\/\/.*$/gm, "").replace(/\n\s*\n/g, "\n");
  const size = gzipSync(code, { level: 9 }).length;
  assert.ok(size <= 5 * 1024, `${size} bytes`);
});
