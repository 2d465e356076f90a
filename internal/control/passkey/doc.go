// Package passkey knows what browsers and authenticators are asked (WebAuthn Level 3), and whether what they answer is right.
//
// It knows the relying party that the operator has named, keys as the model has them, and a challenge's way to a browser and back. It must
// not know HTTP, tables, or what a session is: that a challenge is answered once, and by whom, is for whoever keeps it.
package passkey
