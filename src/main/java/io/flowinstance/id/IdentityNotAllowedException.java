package io.flowinstance.id;

import io.flowinstance.enos.Identity;

/** A record asks on behalf of a user and an organization that records may not name. */
public final class IdentityNotAllowedException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  IdentityNotAllowedException(Identity identity) {
    super(
        "The record asks as user %s of organization %s, which enos.allowed-identities does not name."
            .formatted(identity.userId(), identity.orgId()));
  }
}
