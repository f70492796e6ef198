package io.flowinstance.fetch;

import io.flowinstance.enos.AccessTokens;
import io.flowinstance.enos.InstanceSearch;
import io.flowinstance.enos.Redaction;
import java.util.SortedMap;

/** One page of a search while it is asked for. Used by one thread at a time. */
public final class SearchCall {
  private final InstanceSearch search;
  private final int page;
  private AccessTokens.Token token;
  private Redaction redaction = Redaction.NONE;

  SearchCall(InstanceSearch search, int page) {
    this.search = search;
    this.page = page;
  }

  SortedMap<String, String> parameters() {
    return search.parameters();
  }

  String body() {
    return search.body(page);
  }

  void attempt(AccessTokens.Token usedToken, Redaction secretsOfTheCall) {
    token = usedToken;
    redaction = secretsOfTheCall;
  }

  Redaction redaction() {
    return redaction;
  }

  AccessTokens.Token token() {
    return token;
  }
}
