package io.flowinstance.id;

import io.flowinstance.enos.Identity;
import io.flowinstance.enos.InstanceQuery;
import java.util.HashSet;
import java.util.Set;

/**
 * On whose behalf records may ask: whoever can write an id record chooses whose rights our secret
 * signs for. The bean of the step {@code allow}.
 */
public final class AllowedIdentities {
  /** Every user and organization. */
  public static final String ANY = "*";

  private final boolean any;
  private final Set<Identity> allowed = new HashSet<>();

  /**
   * @param configured the identity of records that name none; always allowed
   * @param others {@code <userId>/<orgId>} pairs after commas, {@code *} for any, or empty
   * @throws IllegalArgumentException others has another form
   */
  public AllowedIdentities(Identity configured, String others) {
    any = others.strip().equals(ANY);
    allowed.add(configured);
    if (any || others.isBlank()) {
      return;
    }
    for (String pair : others.split(",", -1)) {
      String[] parts = pair.strip().split("/", -1);
      if (parts.length != 2 || parts[0].isBlank() || parts[1].isBlank()) {
        throw new IllegalArgumentException("\"%s\" is no <userId>/<orgId>".formatted(pair.strip()));
      }
      allowed.add(new Identity(parts[0].strip(), parts[1].strip()));
    }
  }

  /**
   * The query as it came.
   *
   * @throws IdentityNotAllowedException records may not ask on this behalf
   */
  public InstanceQuery check(InstanceQuery query) {
    if (!any && !allowed.contains(query.identity())) {
      throw new IdentityNotAllowedException(query.identity());
    }
    return query;
  }
}
