import { ApiError, csrfHeaders, faultsOf, type Schema } from "./client";

type Order = { source: { url: string; token: string }; zone: string; transfers: boolean; skip_invalid: boolean };

/** How a copy ended: its last step, and what there is to say of lines that were left out. */
export type Copied = { step: Schema<"ZoneCopyStep">; notes: string[] };

/**
 * Copies a zone from another server. The answer is one JSON document with a step on each line, sent as the copy goes on;
 * told hears of each step as it comes.
 */
export async function copyZone(account: string, order: Order, told: (step: Schema<"ZoneCopyStep">) => void): Promise<Copied> {
  const answer = await fetch(`/headwater/v1/accounts/${account}/zone_copies`, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...csrfHeaders() },
    body: JSON.stringify(order),
  });
  if (answer.body === null || !answer.ok) throw new ApiError(answer.status, faultsOf(await answer.json().catch(() => null)));
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  let seen = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    text += value;
    for (let end = text.indexOf("\n", seen); end >= 0; end = text.indexOf("\n", seen)) {
      const line = text.slice(seen, end).replace(/,$/, "");
      seen = end + 1;
      if (line.startsWith('{"text":')) told(JSON.parse(line) as Schema<"ZoneCopyStep">);
    }
  }
  let whole: { success: boolean; result: Schema<"ZoneCopyStep">[]; messages: { message: string }[] };
  try {
    whole = JSON.parse(text);
  } catch {
    throw new Error("The server ended the copy before it was done.");
  }
  const step = whole.result.at(-1);
  if (!whole.success || step === undefined) throw new ApiError(answer.status, faultsOf(whole));
  return { step, notes: whole.messages.map((m) => m.message) };
}
