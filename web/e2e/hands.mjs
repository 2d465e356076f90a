// What a hand with a mouse does, shared by the tests.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { email, password, settled, signIn, startHeadwater, still, until } from "./server.mjs";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** A server (a new one, unless given) and a page that is signed in; what the page complains of is collected. */
export async function signedInto(browser, t, options = {}) {
  const server = options.server ?? (await startHeadwater());
  if (!options.server) t.after(() => server.close());
  const context = await browser.newContext({ reducedMotion: "reduce", ...options.context });
  t.after(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const complaints = [];
  page.on("pageerror", (e) => complaints.push(e.message));
  page.on("dialog", (d) => {
    complaints.push(`dialog: ${d.message()}`);
    void d.dismiss();
  });
  page.on("console", (m) => /Content Security Policy/.test(m.text()) && complaints.push(m.text()));
  await signIn(page, server.url);
  return { server, page, complaints };
}

/**
 * The requests of the API that a page makes from now on, by path. What it has begun by then, such as the page that signing in leads to, comes to
 * its end first: it would be counted with what the next page asks.
 */
export async function asked(page) {
  if (page.url() !== "about:blank") await settled(page);
  const list = [];
  page.on("request", (r) => /\/(client|headwater)\//.test(r.url()) && list.push(new URL(r.url()).pathname));
  return list;
}

/**
 * Gives the page's browser an authenticator that does as it is told (WebAuthn's virtual one): it keeps passkeys and verifies its user, unless
 * told otherwise.
 */
export async function authenticator(page) {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("WebAuthn.enable");
  const { authenticatorId } = await cdp.send("WebAuthn.addVirtualAuthenticator", {
    options: { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
  });
  return {
    holds: async () => (await cdp.send("WebAuthn.getCredentials", { authenticatorId })).credentials,
    /** Whether somebody touches it as soon as it asks; otherwise nobody does. */
    touched: (enabled) => cdp.send("WebAuthn.setAutomaticPresenceSimulation", { authenticatorId, enabled }),
    verifies: (isUserVerified) => cdp.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified }),
  };
}

/** The dialog with a form: what says how something went has that role, too. */
export function formDialog(page) {
  return page.getByRole("dialog").filter({ has: page.locator("form") });
}

/** Fills the fields of the open dialog, told by what their labels begin with, and submits it. */
export async function submit(page, fields, button) {
  const dialog = formDialog(page);
  for (const [label, value] of Object.entries(fields)) await dialog.getByLabel(new RegExp(`^${label.replace(/[()]/g, "\\$&")}`)).fill(value);
  await dialog.getByRole("button", { name: button, exact: true }).click();
  await dialog.waitFor({ state: "detached" });
}

/** Why a form was refused: beside the field that it is about, or above the form. */
export const refusal = (scope) => scope.getByRole("alert").or(scope.locator(".text-kumo-danger")).first();

/** Chooses an option of a list. */
export async function choose(scope, page, label, option) {
  await scope.getByRole("combobox", { name: label }).click();
  await page.getByRole("option", { name: option, exact: true }).click();
}

/** Signs in again in the dialog that lies over the page. */
export async function signInAgain(page) {
  const dialog = page.getByRole("dialog", { name: "Your session is over" });
  await dialog.waitFor();
  await dialog.getByLabel("E-mail", { exact: true }).fill(email);
  await dialog.getByLabel("Password", { exact: true }).fill(password);
  await dialog.getByRole("button", { name: "Log in" }).click();
  await dialog.waitFor({ state: "detached" });
}

/**
 * What axe does not judge. What lies under a dialog is out of reach, and its colours are mixed with the veil over it: it is judged where no
 * dialog is open. The button that closes a toast is hidden from readers until it has the focus, which is when the library shows it to them.
 */
export const unjudged = { exclude: ["[data-base-ui-inert]", '[data-kumo-part="close"][aria-hidden="true"]'] };

/**
 * What is on the screen, once nothing moves or fades any more, is clean for machines that read it and no wider than the window. The page's
 * context needs bypassCSP: the checker comes from outside.
 */
export async function clean(page, what) {
  if ((await page.getByRole("dialog").count()) === 0) await settled(page); // what lies under a dialog is hidden
  await still(page);
  await page.evaluate(axe);
  const found = await page.evaluate((context) => window.axe.run(context), unjudged);
  const bad = found.violations.filter((v) => v.impact === "serious" || v.impact === "critical");
  assert.deepEqual(bad.map((v) => `${what}: ${v.id}: ${v.nodes.map((n) => n.html.slice(0, 200)).join(" | ")}`), []);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(wide <= 0, `${what}: ${wide} px too wide`);
}

/** Where the focus is, by the name of what has it. */
export const focused = (page) => page.evaluate(() => document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.textContent);

/** Leaves the open form by Escape; the focus is on the button again that opened it. */
export async function escape(page, button) {
  await page.keyboard.press("Escape");
  await formDialog(page).waitFor({ state: "detached" });
  await until(`the focus on ${button}`, async () => (await focused(page)) === button).catch(async (e) => {
    throw new Error(`${e.message}: it is on ${await focused(page)}`);
  });
}

/** What ends beyond the right edge and cannot be scrolled to: the page cuts it off, so that it scrolls no farther than the window. */
export const cutOff = () => {
  const scrolls = (e) => e && e !== document.body && (getComputedStyle(e).overflowX !== "visible" && e.getBoundingClientRect().right <= innerWidth + 1 || scrolls(e.parentElement));
  const beyond = [...document.querySelectorAll("main *")].filter((e) => e.checkVisibility() && e.getBoundingClientRect().right > innerWidth + 1 && !scrolls(e.parentElement));
  return beyond.map((e) => e.textContent.slice(0, 60));
};
