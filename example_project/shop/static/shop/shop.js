// Reports cart events, answers the assistant's questions in place, and suggests a question on product pages. The shop
// works without it.
"use strict";

// 1. Cart events. The server puts each into one page, once.
for (const element of document.querySelectorAll("[data-cart-event]")) {
  element.remove();
  window.trackAlhenaEvent?.("sendCartEvent", JSON.parse(element.dataset.cartEvent));
}

// 2. Submit a quantity in the cart when the field loses focus.
document.documentElement.classList.add("has-script");
for (const form of document.querySelectorAll("form[data-submit-on-change]")) {
  form.addEventListener("change", () => form.requestSubmit());
}

// 3. The assistant. Its form has `data-alhena-chat`, so the tracker records questions by itself.
const assistant = document.querySelector("[data-assistant]");

async function ask(form, question) {
  const log = form.parentElement.querySelector("[data-chat-log]");
  const body = new FormData(form);
  body.set("question", question);
  form.ariaBusy = "true";
  try {
    const response = await fetch(form.action, { method: "POST", body, headers: { "X-Fragment": "1" } });
    if (!response.ok) throw new Error(`The assistant answered ${response.status}`);
    log.insertAdjacentHTML("beforeend", await response.text());
    log.scrollTop = log.scrollHeight;
  } finally {
    form.ariaBusy = null;
  }
}

for (const form of document.querySelectorAll("form[data-alhena-chat]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const input = form.elements.question;
    const question = input.value.trim();
    if (!question || form.ariaBusy) return;
    input.value = "";
    ask(form, question).catch(() => {
      input.value = question;
      form.submit();
    });
  });
  const log = form.parentElement.querySelector("[data-chat-log]");
  log.scrollTop = log.scrollHeight;
}

function openAssistant() {
  assistant.open = true;
  const form = assistant.querySelector("form");
  form.elements.question.focus();
  return form;
}

if (assistant) {
  assistant.addEventListener("toggle", () => {
    if (!assistant.open) return;
    hideNudge();
    const log = assistant.querySelector("[data-chat-log]");
    log.scrollTop = log.scrollHeight;
    assistant.querySelector("form").elements.question.focus();
  });
  assistant.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    assistant.open = false;
    assistant.querySelector("summary").focus();
  });
  for (const link of document.querySelectorAll("[data-open-assistant]")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      openAssistant();
    });
  }
}

// 4. The nudge: a question suggested on a product's page. Clicking it is an interaction of type NUDGE.
const nudge = document.querySelector("[data-nudge]");
const NUDGE_AFTER_MS = 5000;

function hideNudge() {
  if (nudge) nudge.hidden = true;
}

function isNudgeDismissed() {
  try {
    return sessionStorage.getItem("nudge") === "dismissed";
  } catch {
    return false;
  }
}

if (nudge && assistant && !isNudgeDismissed()) {
  setTimeout(() => {
    nudge.hidden = assistant.open;
  }, NUDGE_AFTER_MS);
  nudge.querySelector("[data-nudge-close]").addEventListener("click", () => {
    hideNudge();
    try {
      sessionStorage.setItem("nudge", "dismissed");
    } catch {
      // Storage is blocked: the suggestion may appear again.
    }
  });
  nudge.querySelector("[data-nudge-question]").addEventListener("click", (event) => {
    window.trackAlhenaEvent?.("sendInteraction", { type: "NUDGE", productId: nudge.dataset.nudge });
    hideNudge();
    ask(openAssistant(), event.currentTarget.textContent).catch(() => {});
  });
}
