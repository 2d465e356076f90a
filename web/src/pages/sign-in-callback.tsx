import { Button } from "@cloudflare/kumo/components/button";
import { useQueryClient } from "@tanstack/react-query";
import { Link, useRouter } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { ApiError, api, result, setCSRF, type Schema } from "../api/client";
import { arrival } from "../arrival";
import { sessionQuery } from "../api/queries";
import { readSession } from "../api/session";
import { FormError } from "../ui/dialogs";
import { PasskeyEntry } from "../ui/passkey-entry";
import { CodeInput, codeNeeded } from "../ui/proof";
import { takesLink } from "../ui/provider";
import { inside } from "./sign-in";

/** Where the provider sends a browser back to: what it brings is handed in once. */
export default function SignInCallback() {
  const [state, code, iss, error] = ["state", "code", "iss", "error"].map((name) => arrival.get(name));
  const client = useQueryClient();
  const router = useRouter();
  const begun = useRef(false);
  const [failure, setFailure] = useState<Error | null>(() => {
    if (error) return new Error(`The provider says: ${error}`);
    return state && code ? null : new Error("This address is where a provider sends you back to, with something in hand: nothing has come.");
  });
  const [asked, setAsked] = useState(false);
  const [second, setSecond] = useState("");
  const entered = (session: Schema<"SessionAnd">) => {
    setCSRF(session.csrf_token);
    client.clear();
    client.setQueryData(sessionQuery.queryKey, session);
    router.history.replace(inside(session.to));
  };
  const failed = (e: Error) => {
    if (e instanceof ApiError && e.has(codeNeeded)) setAsked(true);
    else setFailure(e);
  };
  useEffect(() => {
    document.title = "Log in | Headwater";
    if (begun.current || error || !state || !code) return;
    begun.current = true;
    const body = { state, code, ...(iss && { iss }) };
    if (takesLink(state)) {
      readSession()
        .then(() => result(api.PUT("/headwater/v1/user/logins", { body })))
        .then(() => router.history.replace("/profile"))
        .catch(failed);
      return;
    }
    result(api.PUT("/headwater/v1/session/provider", { body })).then(entered).catch(failed);
  });
  return (
    <main className="flex min-h-screen items-center justify-center bg-kumo-canvas p-4 text-kumo-default">
      <div className="flex w-full max-w-md flex-col gap-4 rounded-xl bg-kumo-base p-6 ring ring-kumo-hairline">
        <h1 className="m-0 text-2xl font-semibold">Log in to Headwater</h1>
        <FormError error={failure} />
        {!asked && failure === null && <p role="status">One moment.</p>}
        {asked && (
          <form
            className="flex flex-col gap-4"
            onSubmit={(e) => {
              e.preventDefault();
              setFailure(null);
              result(api.PUT("/headwater/v1/session/provider", { body: { second_factor: second } })).then(entered).catch(setFailure);
            }}
          >
            <CodeInput label="Code" description="Of your authenticator, or a recovery code." autoFocus value={second} onChange={setSecond} />
            <Button type="submit" variant="primary" size="lg">
              Log in
            </Button>
            <PasskeyEntry label="Use a passkey instead" beside={{ provider: true }} onSignedIn={entered} />
          </form>
        )}
        {failure !== null && <Link to="/sign-in">Back to the beginning</Link>}
      </div>
    </main>
  );
}
