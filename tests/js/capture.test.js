import assert from "node:assert/strict";
import { test } from "node:test";

import { openPage } from "./page.js";

/**
 * Open a page, act on `#it`, and return the interactions sent.
 *
 * @param {string} html
 * @param {(element: any, page: ReturnType<typeof openPage>) => void} act
 */
async function interactions(html, act) {
  const page = openPage({ html });
  act(page.document.getElementById("it"), page);
  await page.deliver();
  assert.deepEqual(page.errors, []);
  return page.sent.map(({ path, body }) => {
    assert.equal(path, "interactions");
    return body.product_id ? `${body.type} ${body.product_id}` : body.type;
  });
}

const click = (/** @type {any} */ element) => element.click();
const submit = (/** @type {any} */ element, /** @type {any} */ { window }) =>
  element.dispatchEvent(new window.Event("submit", { bubbles: true, cancelable: true }));

/** @type {[name: string, html: string, act: (element: any, page: any) => void, expected: string[]][]} */
const CASES = [
  ["a click on an FAQ element", '<button id="it" data-alhena-faq="SKU-1">?</button>', click, ["FAQ SKU-1"]],
  ["a click inside one", '<div data-alhena-faq="SKU-1"><p><b id="it">?</b></p></div>', click, ["FAQ SKU-1"]],
  ["a click on one that names no product", '<button id="it" data-alhena-faq>?</button>', click, ["FAQ"]],
  [
    "two clicks",
    '<button id="it" data-alhena-faq="A">?</button>',
    (it) => (it.click(), it.click()),
    ["FAQ A", "FAQ A"],
  ],
  ["a click elsewhere", '<button data-alhena-faq="A">?</button><p id="it">no</p>', click, []],
  [
    "a click that the page stops",
    '<p onclick=""><button id="it" data-alhena-faq="A">?</button></p>',
    (it) => {
      it.addEventListener("click", (/** @type {Event} */ event) => (event.stopPropagation(), event.preventDefault()));
      it.click();
    },
    ["FAQ A"],
  ],
  [
    "a click that opens <details>",
    '<details data-alhena-faq="A"><summary id="it">?</summary>!</details>',
    click,
    ["FAQ A"],
  ],
  [
    "a click that closes <details>",
    '<details open data-alhena-faq="A"><summary id="it">?</summary>!</details>',
    click,
    [],
  ],
  [
    "a click in open <details>",
    '<details open data-alhena-faq="A"><summary>?</summary><p id="it">!</p></details>',
    click,
    [],
  ],
  [
    "<details> that are open from the start",
    '<details open id="it" data-alhena-faq="A"><summary>?</summary></details>',
    (it, { window }) => it.dispatchEvent(new window.Event("toggle")),
    [],
  ],
  ["a marked form's submission", '<form id="it" data-alhena-chat><input name="q"></form>', submit, ["CHAT"]],
  [
    "a submission that the page handles",
    '<form id="it" data-alhena-chat></form>',
    (it, page) => {
      it.addEventListener("submit", (/** @type {Event} */ event) => (event.stopPropagation(), event.preventDefault()));
      submit(it, page);
    },
    ["CHAT"],
  ],
  ["a click into a marked form", '<form data-alhena-chat><input id="it"></form>', click, []],
  [
    "a form's submission inside an FAQ element",
    '<p data-alhena-faq="A"></p><form id="it"></form>',
    (it, page) => {
      page.document.querySelector("p").append(it);
      submit(it, page);
    },
    [],
  ],
  ["another form's submission", '<form id="it"></form>', submit, []],
  ["a click on a marked button", '<button type="button" id="it" data-alhena-chat>Chat</button>', click, ["CHAT"]],
  [
    "a marked button that submits a marked form counts once",
    '<form data-alhena-chat><button id="it" data-alhena-chat>Send</button></form>',
    (it) => {
      it.form.addEventListener("submit", (/** @type {Event} */ event) => event.preventDefault());
      it.click();
    },
    ["CHAT"],
  ],
  [
    "a marked button that submits a form counts once",
    '<form><button id="it" data-alhena-chat>Send</button></form>',
    (it) => {
      it.form.addEventListener("submit", (/** @type {Event} */ event) => event.preventDefault());
      it.click();
    },
    ["CHAT"],
  ],
];
for (const [name, html, act, expected] of CASES) {
  test(`captured: ${name}`, async () => {
    assert.deepEqual(await interactions(html, act), expected);
  });
}

test("an invalid product id is logged, and the page goes on", async () => {
  const page = openPage({ html: `<button id="it" data-alhena-faq="${"x".repeat(256)}">?</button>` });
  page.document.getElementById("it").click();
  await page.deliver();
  assert.deepEqual(page.sent, []);
  assert.match(String(page.errors[0][1]), /sendInteraction was not sent: productId must be a string of 1 to 255/);
});

test("an event of the document itself is nothing", () => {
  const page = openPage();
  for (const type of ["click", "submit"]) page.document.dispatchEvent(new page.window.Event(type));
  assert.deepEqual(page.errors, []);
});

test("elements that come later are heard, too", async () => {
  const page = openPage();
  page.document.body.innerHTML = '<button id="it" data-alhena-faq="A">?</button>';
  page.document.getElementById("it").click();
  await page.deliver();
  assert.deepEqual(page.paths, ["interactions"]);
});
