import { Button } from "@cloudflare/kumo/components/button";
import { Input } from "@cloudflare/kumo/components/input";
import { Tabs } from "@cloudflare/kumo/components/tabs";
import { WavesIcon } from "@phosphor-icons/react";
import { useQueryClient } from "@tanstack/react-query";
import { useRouter, useSearch } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { api, result, setCSRF } from "../api/client";
import { sessionQuery } from "../api/queries";
import { useAction } from "../ui/action";
import { FormError } from "../ui/dialogs";

type Way = "password" | "token";

function inside(to: string | undefined): string {
  return to?.startsWith("/") && !to.startsWith("//") ? to : "/";
}

/** Signing in, by e-mail and password or with an API token. */
export default function SignIn() {
  const [way, setWay] = useState<Way>("password");
  const [email, setEmail] = useState("");
  const [secret, setSecret] = useState("");
  const client = useQueryClient();
  const router = useRouter();
  const { to } = useSearch({ from: "/sign-in" });
  const signIn = useAction({
    quiet: true,
    run: () =>
      result(
        way === "token"
          ? api.POST("/headwater/v1/session", { headers: { Authorization: `Bearer ${secret.trim()}` } })
          : api.POST("/headwater/v1/session", { body: { email, password: secret } }),
      ),
    then: (session) => {
      setCSRF(session.csrf_token);
      client.clear();
      client.setQueryData(sessionQuery.queryKey, session);
      router.history.push(inside(to));
    },
  });
  useEffect(() => {
    document.title = "Log in | Headwater";
  }, []);
  return (
    <main className="flex min-h-screen items-center justify-center bg-kumo-canvas p-4 text-kumo-default">
      <div className="w-full max-w-md rounded-xl bg-kumo-base p-6 ring ring-kumo-hairline sm:p-8">
        <h1 className="mt-0 mb-6 flex items-center gap-2 text-2xl font-semibold">
          <WavesIcon className="size-7 text-kumo-info" weight="bold" aria-hidden />
          Log in to Headwater
        </h1>
        <Tabs
          className="mb-5"
          variant="underline"
          value={way}
          onValueChange={(v) => {
            setWay(v as Way);
            setSecret("");
            signIn.reset();
          }}
          tabs={[
            { value: "password", label: "E-mail and password" },
            { value: "token", label: "API token" },
          ]}
        />
        <form
          className="flex flex-col gap-4"
          onSubmit={(e) => {
            e.preventDefault();
            signIn.run();
          }}
        >
          <FormError error={signIn.error} />
          {way === "password" && (
            <Input
              label="E-mail"
              type="email"
              name="email"
              autoComplete="username"
              required
              value={email}
              onChange={(e) => setEmail(e.target.value)}
            />
          )}
          <Input
            key={way}
            label={way === "password" ? "Password" : "API token"}
            type="password"
            name={way}
            autoComplete={way === "password" ? "current-password" : "off"}
            required
            value={secret}
            onChange={(e) => setSecret(e.target.value)}
          />
          <Button type="submit" variant="primary" size="lg" loading={signIn.busy}>
            Log in
          </Button>
        </form>
      </div>
    </main>
  );
}
