/** The examples of tests/contract, which the server's tests run as well. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { openPage } from "./page.js";

const PATHS = { sendCartEvent: "cart_events", sendCheckoutEvent: "checkout_events", sendInteraction: "interactions" };
const MESSAGE = /^(\w+) was not sent: (\S+) must be (.+), but is$/;

/** @typedef {{ field: string, code: string }} Problem */

/** @param {Problem} problem */
const code = ({ field, code }) => `${field || "data"} ${code}`;

/**
 * Replaces what stands for values that JSON cannot say.
 *
 * @param {any} value
 * @returns {any}
 */
function expanded(value) {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(expanded);
  if ("$number" in value) return Number(value.$number);
  if ("$repeat" in value) return value.$repeat[0].repeat(value.$repeat[1]);
  if ("$times" in value) return Array(value.$times[1]).fill(expanded(value.$times[0]));
  const object = {};
  for (const key of Object.keys(value)) {
    // Not by assignment, which would make a prototype of __proto__.
    Object.defineProperty(object, key, { value: expanded(value[key]), enumerable: true });
  }
  return object;
}

for (const file of ["cart_events", "checkout_events", "interactions"]) {
  const source = readFileSync(new URL(`../contract/${file}.json`, import.meta.url), "utf8");
  /** @type {{ name: string, method: keyof typeof PATHS, data: any, errors: Problem[], left_out?: Problem[] }[]} */
  const examples = JSON.parse(source);

  for (const { name, method, data, errors, left_out = [] } of examples) {
    test(name, async () => {
      const page = openPage();
      await page.interact();
      page.track(method, expanded(data));
      await page.deliver();

      const reported = page.errors.map(([prefix, message, , code]) => {
        assert.equal(prefix, "Alhena:");
        const [, named, field] = MESSAGE.exec(String(message)) || assert.fail(`unexpected message: ${message}`);
        assert.equal(named, method);
        return `${field} ${String(code).slice(1, -1)}`;
      });
      assert.deepEqual(reported.sort(), errors.map(code).sort());
      assert.deepEqual(page.paths, errors.length ? [] : [PATHS[method]]);
      const problems = [...errors, ...left_out];
      assert.deepEqual(page.refused.map((refusal) => refusal.method), problems.length ? [method] : []);
      assert.deepEqual(page.refused.flatMap((refusal) => refusal.errors.map(code)).sort(), problems.map(code).sort());
      for (const { field } of left_out) assert.ok(!(field in page.sent[0].body), field);
    });
  }
}
