// A hand that has a keyboard and no mouse. Nothing is reached but by Tab, arrows and typing.

/** How many stops a page may have before a thing counts as out of reach. */
const reach = 250;

const focused = (locator) => locator.evaluate((e) => e === document.activeElement, undefined, { timeout: 5_000 });

/** Tab until the thing has the focus. */
export async function reachTo(page, locator, key = "Tab") {
  await locator.waitFor();
  for (let i = 0; i < reach; i++) {
    if (await focused(locator)) return;
    await page.keyboard.press(key);
  }
  throw new Error(`no way by keyboard to ${locator}`);
}

/** Reaches a thing and presses a key there. */
export async function press(page, locator, key = "Enter") {
  await reachTo(page, locator);
  await page.keyboard.press(key);
}

/** Reaches fields by their labels and types into them, in place of what was there. */
export async function fillIn(page, scope, fields) {
  for (const [label, value] of Object.entries(fields)) {
    await reachTo(page, scope.getByLabel(label, { exact: true }));
    await page.keyboard.press("Control+A");
    await page.keyboard.type(value);
  }
}

/** Walks through what is open, a list or a menu, to an item, and takes it. */
export async function take(page, item) {
  await item.waitFor();
  for (let i = 0; i < 60; i++) {
    if (await item.evaluate((e) => e === document.activeElement || e.hasAttribute("data-highlighted"))) {
      await page.keyboard.press("Enter");
      await item.waitFor({ state: "detached" });
      return;
    }
    await page.keyboard.press(i < 30 ? "ArrowDown" : "ArrowUp");
  }
  throw new Error(`no way by keyboard to ${item}`);
}

/** Opens a list and takes an option. */
export async function pick(page, scope, label, option) {
  await press(page, scope.getByLabel(label, { exact: true }));
  await take(page, page.getByRole("option", { name: option, exact: true }));
}

/** Fills in the open dialog and sends it by its button. */
export async function send(page, dialog, fields, button) {
  await fillIn(page, dialog, fields);
  await press(page, dialog.getByRole("button", { name: button, exact: true }));
  await dialog.waitFor({ state: "detached" });
}
