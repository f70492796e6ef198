package io.flowinstance.id;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.flowinstance.enos.Identity;
import io.flowinstance.enos.InstanceQuery;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class AllowedIdentitiesTest {
  private static final Identity CONFIGURED = new Identity("user", "org");

  @ParameterizedTest
  @CsvSource({
    "'', user, org",
    "'u1/o1', user, org",
    "'u1/o1, u2/o2', u2, o2",
    "'*', anyone, anywhere",
  })
  void letsRecordsAskAsTheConfiguredIdentityAndThoseThatAreNamed(
      String others, String userId, String orgId) {
    InstanceQuery query = new InstanceQuery("1-2", userId, orgId);

    assertSame(query, new AllowedIdentities(CONFIGURED, others).check(query));
  }

  @ParameterizedTest
  @CsvSource({
    "'', u1, org",
    "'', user, o1",
    "'u1/o1, u2/o2', u1, o2",
    "'u1/o1', u1, org",
  })
  void refusesEveryOtherPairAndNamesIt(String others, String userId, String orgId) {
    InstanceQuery query = new InstanceQuery("1-2", userId, orgId);

    IdentityNotAllowedException refused =
        assertThrows(
            IdentityNotAllowedException.class,
            () -> new AllowedIdentities(CONFIGURED, others).check(query));

    assertEquals(
        "The record asks as user %s of organization %s, which enos.allowed-identities does not name."
            .formatted(userId, orgId),
        refused.getMessage());
  }

  @ParameterizedTest
  @ValueSource(strings = {"u1", "u1/", "/o1", "u1/o1,", "u1/o1/x", "*,u1/o1", "u/ , u1/o1"})
  void refusesOtherForms(String others) {
    assertThrows(IllegalArgumentException.class, () -> new AllowedIdentities(CONFIGURED, others));
  }
}
