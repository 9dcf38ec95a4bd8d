import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

import { BUILT, DATALAYER, SNIPPET, TRACKER } from "./page.js";
import { SHOPIFY } from "./shopify-page.js";

for (const [name, source, kilobytes] of /** @type {[string, string, number][]} */ ([
  ["tracker", TRACKER, 5],
  ["GA4 bridge", DATALAYER, 4],
  ["Shopify script", SHOPIFY, 2.5],
])) {
  test(`the ${name} of a wheel takes at most ${kilobytes} KB, gzipped`, { skip: !BUILT && "set ALHENA_TRACKER" }, () => {
    const size = gzipSync(source, { level: 9 }).length;
    assert.ok(size <= kilobytes * 1024, `${size} bytes`);
  });
}

test("the snippet takes at most 400 bytes", () => {
  assert.ok(Buffer.byteLength(SNIPPET) <= 400);
});
