import { useQueryClient } from "@tanstack/react-query";
import { sessionQuery } from "../api/queries";
import { gaveUp, signedInAgain, useSessionOver } from "../api/session";
import { DialogFrame } from "./dialogs";
import { SignInForm } from "./sign-in-form";

/** Asks to sign in again over the page, so that a form that is half filled stays. */
export function SessionOver() {
  const client = useQueryClient();
  const over = useSessionOver();
  const before = client.getQueryData(sessionQuery.queryKey);
  return (
    <DialogFrame
      open={over}
      onClose={gaveUp}
      title="Your session is over"
      description="Log in again to go on where you are. Nothing that you typed is lost."
    >
      <SignInForm
        email={before?.user?.email}
        onSignedIn={(session) => {
          const same = before?.user?.id === session.user?.id;
          client.setQueryData(sessionQuery.queryKey, session);
          if (!same) {
            // Somebody else: what the page shows is not theirs.
            window.location.assign("/");
            return;
          }
          signedInAgain();
          void client.invalidateQueries();
        }}
      />
    </DialogFrame>
  );
}
