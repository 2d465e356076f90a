// How people come in: sessions, a second factor, and passkeys, in a real browser against a real Headwater.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { after, before, test } from "node:test";
import { authenticator, clean, escape, focused, formDialog, refusal, signedInto, submit } from "./hands.mjs";
import { email, password, startBrowser, startWithPasskeys, until } from "./server.mjs";

let browser;
before(async () => (browser = await startBrowser()));
after(() => browser?.close());

/** What an authenticator shows at a time (RFC 6238), of a key in base32. */
function codeOf(key, at = Date.now()) {
  const bits = [...key].map((c) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(c).toString(2).padStart(5, "0")).join("");
  const secret = Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2)));
  const count = Buffer.alloc(8);
  count.writeBigUInt64BE(BigInt(Math.floor(at / 30_000)));
  const mac = createHmac("sha1", secret).update(count).digest();
  const from = mac[19] & 15;
  return String((mac.readUInt32BE(from) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

test("a second factor is set up, asked for, and a session is ended from the list", async (t) => {
  const { server, page, complaints } = await signedInto(browser, t);
  await page.goto(`${server.url}/profile`);
  const card = page.getByRole("region", { name: "Second factor", exact: true });
  await card.getByRole("button", { name: "Set up an authenticator" }).click();
  await card.getByLabel("Your password for the second factor").fill(password);
  await card.getByRole("button", { name: "Go on" }).click();
  await card.getByRole("img", { name: "QR code for your authenticator" }).waitFor();
  const key = (await card.innerText()).match(/\b[A-Z2-7]{32}\b/)[0];
  // The code of the step before: the one of now is left for signing in.
  await card.getByLabel("Code that it shows").fill(codeOf(key, Date.now() - 30_000));
  await card.getByRole("button", { name: "Confirm" }).click();
  await card.getByText("Your recovery codes").waitFor();
  assert.equal((await card.getByRole("listitem").allInnerTexts()).filter((c) => /^[a-z2-7]{4}(-[a-z2-7]{4}){3}$/.test(c)).length, 10);
  await card.getByRole("button", { name: "I have kept them" }).click();
  await card.getByText("10 recovery codes left").waitFor();

  // Another browser signs in by password and code.
  const other = await (await browser.newContext()).newPage();
  t.after(() => other.context().close());
  await other.goto(`${server.url}/sign-in`);
  await other.getByLabel("E-mail", { exact: true }).fill(email);
  await other.getByLabel("Password", { exact: true }).fill(password);
  await other.getByRole("button", { name: "Log in" }).click();
  await other.getByLabel("Code", { exact: true }).fill(codeOf(key));
  await other.getByRole("button", { name: "Log in" }).click();
  await other.getByRole("heading", { name: "Account home" }).waitFor();

  await page.reload();
  const sessions = page.getByRole("region", { name: "Sessions" }).first();
  await sessions.getByRole("button", { name: /^End the session of/ }).click();
  await sessions.getByRole("button", { name: /^End the session of/ }).waitFor({ state: "detached" });
  await other.reload();
  await other.getByRole("heading", { name: "Log in to Headwater" }).waitFor();
  assert.deepEqual(complaints, []);
});

const button = (scope, name) => scope.getByRole("button", { name, exact: true });
const home = (page) => page.getByRole("heading", { name: "Account home" }).waitFor();
const passkeys = (page) => page.getByRole("region", { name: "Passkeys", exact: true });

async function signOut(page) {
  await button(page, "User menu").click();
  await page.getByRole("menuitem", { name: "Log out" }).click();
  await page.getByRole("heading", { name: "Log in to Headwater" }).waitFor();
}

/** Signs in as far as the password goes. */
async function byPassword(page, url) {
  await page.goto(`${url}/sign-in`);
  await page.getByLabel("E-mail", { exact: true }).fill(email);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await button(page, "Log in").click();
  await page.getByLabel("Code", { exact: true }).waitFor();
}

/** Waits until the keyboard is at a button. */
const keyboardAt = (page, name) =>
  until(`the keyboard at ${name}`, async () => (await focused(page)) === name).catch(async (e) => {
    throw new Error(`${e.message}: it is at ${await focused(page)}`);
  });

test("a passkey is made, signs in by itself and beside the password, shows who one is, and is removed", async (t) => {
  const server = await startWithPasskeys();
  t.after(() => server.close());
  const { page, complaints } = await signedInto(browser, t, { server, context: { bypassCSP: true } });
  const device = await authenticator(page);
  await page.addInitScript(() => {
    const create = navigator.credentials.create.bind(navigator.credentials);
    navigator.credentials.create = (options) => create((window.lastAsked = options));
  });
  await page.goto(`${server.url}/profile`);
  const card = passkeys(page);

  // Nobody touches it: who closes the dialog has given it up, and nothing comes of it later.
  await device.touched(false);
  await button(card, "Add a passkey").click();
  await formDialog(page).getByLabel("Name", { exact: true }).fill("Given up");
  await formDialog(page).getByLabel("Your password").fill(password);
  await button(formDialog(page), "Add").click();
  await page.waitForFunction(() => window.lastAsked !== undefined);
  await escape(page, "Add a passkey");
  assert.ok(await page.evaluate(() => window.lastAsked.signal.aborted), "the browser asks on");
  await device.touched(true);

  // The first one: the password is asked for, and recovery codes come.
  await button(card, "Add a passkey").click();
  await formDialog(page).getByLabel("Name", { exact: true }).fill("Blue key");
  await formDialog(page).getByLabel("Your password").fill("not the password");
  await button(formDialog(page), "Add").click();
  await refusal(formDialog(page)).waitFor();
  assert.deepEqual(await device.holds(), [], "nothing is made before the password was right");
  await submit(page, { "Your password": password }, "Add");
  await card.getByText("Your recovery codes").waitFor();
  const codes = (await card.getByRole("listitem").allInnerTexts()).filter((c) => /^[a-z2-7]{4}(-[a-z2-7]{4}){3}$/.test(c));
  assert.equal(codes.length, 10);
  await card.getByRole("cell", { name: "Blue key", exact: true }).waitFor();
  await card.getByRole("cell", { name: "Never", exact: true }).waitFor();
  await keyboardAt(page, "Add a passkey");
  assert.equal((await device.holds()).length, 1);
  await clean(page, "the profile with a passkey");
  await button(card, "I have kept them").click();
  await page.getByText("10 recovery codes left").waitFor();

  // The same authenticator again, once its passkey has shown who asks: it says so, and the dialog stays.
  await button(card, "Add a passkey").click();
  await formDialog(page).getByLabel("Name", { exact: true }).fill("Another");
  await formDialog(page).getByLabel("Your password").fill(password);
  await clean(page, "adding a passkey beside another");
  await button(formDialog(page), "Add").click();
  await formDialog(page).getByText("This authenticator has a passkey of yours already.").waitFor();
  await button(formDialog(page), "Ask again").waitFor();
  await escape(page, "Add a passkey");

  // By itself.
  await signOut(page);
  await clean(page, "signing in with a passkey");
  await button(page, "Sign in with a passkey").click();
  await home(page);
  // One that has not verified its user does not do by itself, and does beside the password.
  await signOut(page);
  await device.verifies(false);
  await button(page, "Sign in with a passkey").click();
  await refusal(page).filter({ hasText: "The browser has no answer from a passkey" }).waitFor();
  await byPassword(page, server.url);
  await clean(page, "the second step");
  await button(page, "Use a passkey instead").click();
  await home(page);
  await device.verifies(true);
  // A recovery code does, too.
  await signOut(page);
  await byPassword(page, server.url);
  await page.getByLabel("Code", { exact: true }).fill(codes[0]);
  await button(page, "Log in").click();
  await home(page);

  // What changes second factors takes the passkey in place of a code.
  await page.goto(`${server.url}/profile`);
  await page.getByText("9 recovery codes left").waitFor();
  await page.getByRole("region", { name: "Sessions" }).first().getByText("Password and second factor").first().waitFor();
  await card.getByRole("cell", { name: /ago|now/ }).waitFor();
  const second = page.getByRole("region", { name: "Second factor", exact: true });
  for (const [what, then, shown] of [
    ["New recovery codes", "Draw new codes", "Your recovery codes"],
    ["Set up an authenticator", "Go on", "Scan this"],
  ]) {
    await button(second, what).click();
    await second.getByLabel("Your password for the second factor").fill(password);
    await button(second, then).click();
    await second.getByText(shown).waitFor();
  }
  const key = (await second.innerText()).match(/\b[A-Z2-7]{32}\b/)[0];
  await second.getByLabel("Code that it shows").fill(codeOf(key));
  await button(second, "Confirm").click();
  await second.getByText("Authenticator: on since").waitFor();
  await button(second, "Take the authenticator away").click();
  await second.getByText("Passkeys and recovery codes stay.").waitFor();
  await clean(page, "taking the authenticator away");
  await second.getByLabel("Your password for the second factor").fill(password);
  await button(second, "Take it away").click();
  await second.getByText("Authenticator: none. 10 recovery codes left.").waitFor();

  // Removed, by the password and the passkey itself.
  await button(card, "Remove Blue key").click();
  await formDialog(page).getByText("It is your last second factor").waitFor();
  await clean(page, "removing a passkey");
  await formDialog(page).getByLabel("Your password").fill(password);
  await formDialog(page).getByLabel("Code").fill("wrong-code");
  await button(formDialog(page), "Remove").click();
  await refusal(formDialog(page)).waitFor();
  await submit(page, { Code: "" }, "Remove");
  await card.getByText("You have none yet.").waitFor();
  await until("the keyboard on the page", async () => page.evaluate(() => document.activeElement?.closest("main") !== null));
  await page.getByText("Authenticator: none.").waitFor();
  await signOut(page);
  await button(page, "Sign in with a passkey").click();
  await refusal(page).filter({ hasText: "The passkey does not open this" }).waitFor();
  assert.deepEqual(complaints, []);
});

test("where there are no passkeys, nothing or the reason stands", async (t) => {
  const plain = await signedInto(browser, t);
  await plain.page.goto(`${plain.server.url}/profile`);
  await plain.page.getByRole("region", { name: "Second factor", exact: true }).waitFor();
  await plain.page.getByRole("region", { name: "Sessions" }).first().waitFor();
  assert.equal(await passkeys(plain.page).count(), 0, "the server has none");

  const server = await startWithPasskeys();
  t.after(() => server.close());
  const byNumber = server.url.replace("localhost", "127.0.0.1");
  const page = await (await browser.newContext()).newPage();
  t.after(() => page.context().close());
  await page.goto(`${byNumber}/sign-in`);
  await page.getByText("Browsers have no passkeys at an IP address").waitFor();
  assert.equal(await button(page, "Sign in with a passkey").count(), 0);
  await page.addInitScript(() => delete window.PublicKeyCredential);
  await page.goto(`${server.url}/sign-in`);
  await page.getByText("This browser has no passkeys").waitFor();
  await page.addInitScript(() => Object.defineProperty(window, "isSecureContext", { value: false }));
  await page.reload();
  await page.getByText("Browsers have passkeys over https, or at localhost.").waitFor();
});
