"use strict";

// Times are shown in the browser's own zone, unless the visitor has named another.
const page = document.documentElement;
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (!("zoneChosen" in page.dataset) && zone) {
  const told = `infraprism_time_zone=${encodeURIComponent(zone)}`;
  const isTold = () => document.cookie.split("; ").includes(told);
  // A zone that was told before and is not shown is one that the collector does not know.
  if (!isTold()) {
    document.cookie = `${told}; path=/; max-age=31536000; SameSite=Strict`;
    if (zone !== page.dataset.zone && isTold()) location.reload();
  }
}

// The list of sessions is fetched again once the collector has stored something.
const EVERY_MS = 1000;
const controls = document.querySelector(".live");
const box = document.getElementById("live");
const state = document.getElementById("live-state");
let stored = null;

async function look() {
  if (document.hidden || (box && !box.checked)) return;
  const status = await fetch("/v1/status", { cache: "no-store" });
  if (!status.ok) throw new Error(status.statusText);
  const counters = await status.json();
  const now = counters.calls_stored + counters.spans_stored;
  if (now === stored) return;
  const answer = await fetch(location.href, { cache: "no-store" });
  if (!answer.ok || answer.redirected) throw new Error(answer.statusText);
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  stored = now;
  show(fresh);
}

function show(fresh) {
  const old = document.querySelector("[data-live]");
  const next = fresh.querySelector("[data-live]");
  if (next === null || next.innerHTML === old.innerHTML) return;
  // What the reader looks at stays where it is, and what has the focus keeps it.
  const seen = [...old.querySelectorAll("tbody tr")].find((row) => row.getBoundingClientRect().top >= 0);
  const top = seen?.getBoundingClientRect().top;
  const focused = old.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  if (old.querySelector(".empty") && !next.querySelector(".empty")) {
    location.reload();
    return;
  }
  old.replaceWith(next);
  const link = (href) => [...next.querySelectorAll("a")].find((one) => one.getAttribute("href") === href);
  const key = seen?.querySelector("a")?.getAttribute("href");
  const same = key ? link(key)?.closest("tr") : null;
  if (same && window.scrollY > 0) window.scrollBy(0, same.getBoundingClientRect().top - top);
  if (focused) link(focused)?.focus({ preventScroll: true });
  if (state) state.textContent = `Updated at ${new Date().toLocaleTimeString()}.`;
}

if (document.querySelector("[data-live]")) {
  if (controls) controls.hidden = false;
  const again = () =>
    look()
      .catch(() => {
        if (state) state.textContent = "The collector does not answer; trying again.";
      })
      .finally(() => setTimeout(again, EVERY_MS));
  again();
}
