// Package courier carries messages to where people have asked for them: webhooks by HTTPS, signed as the Standard Webhooks specification
// has it, and mail by SMTP. Whoever names a webhook stands elsewhere than this server, so that where it leads is held against a rule at
// every connection, and redirects are not followed.
//
// The package does not know what messages say, or who gets them when and how often.
package courier
