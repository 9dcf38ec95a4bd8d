import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

import { BUILT, SNIPPET, TRACKER } from "./page.js";

test("the tracker of a wheel takes at most 5 KB, gzipped", { skip: !BUILT && "set ALHENA_TRACKER" }, () => {
  const size = gzipSync(TRACKER, { level: 9 }).length;
  assert.ok(size <= 5 * 1024, `${size} bytes`);
});

test("the snippet takes at most 400 bytes", () => {
  assert.ok(Buffer.byteLength(SNIPPET) <= 400);
});
