// What a hand with a mouse does, shared by the tests.
import { email, password, signIn, startHeadwater } from "./server.mjs";

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
