// How people come in: sessions, and a second factor, in a real browser against a real Headwater.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { after, before, test } from "node:test";
import { signedInto } from "./hands.mjs";
import { email, password, startBrowser } from "./server.mjs";

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
  await card.getByLabel("Your password").fill(password);
  await card.getByRole("button", { name: "Set up a second factor" }).click();
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
