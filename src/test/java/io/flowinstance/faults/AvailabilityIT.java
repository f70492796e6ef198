package io.flowinstance.faults;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.flowinstance.simulator.FaultScope;
import io.flowinstance.simulator.FaultScope.Endpoint;
import java.time.Duration;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * No record stops the others, and no outage costs an id: the packaged JAR on a real broker, while
 * the gateway fails in each of the ways of {@link GatewayFailure}. Prints a table, which is also in
 * {@code target/availability.txt}; what became of each id of a scenario that failed is in {@code
 * target/availability/}.
 *
 * <p>A thin slice by default, everything with {@code -Pchaos}. System properties:
 *
 * <ul>
 *   <li>{@code application.jar}: the JAR that is judged
 *   <li>{@code availability.kinds}: labels of {@link GatewayFailure}, comma-separated, or {@code
 *       all}: every scenario with these
 *   <li>{@code availability.troubles}: names of {@link Trouble}, comma-separated, in place of all
 *   <li>{@code availability.production} (true): retry budget and timeout are the defaults, 30 s and
 *       10 s, instead of 6 s and 2 s
 *   <li>{@code availability.outage-seconds}: how long an outage lasts
 *   <li>{@code availability.same-partition} (true): ids of the partition of a failing one must not
 *       wait for it either
 * </ul>
 */
@TestMethodOrder(MethodOrderer.MethodName.class)
class AvailabilityIT {
  /** The kinds that an identity may be refused with. */
  private static final Set<GatewayFailure> OF_AN_IDENTITY =
      EnumSet.of(
          GatewayFailure.STATUS_401,
          GatewayFailure.STATUS_403,
          GatewayFailure.STATUS_404,
          GatewayFailure.CODE_62101);

  /** One of each sort, for scenarios that take minutes. */
  private static final Set<GatewayFailure> OF_THE_QUERIES =
      EnumSet.of(
          GatewayFailure.STATUS_403,
          GatewayFailure.STATUS_404,
          GatewayFailure.STATUS_429,
          GatewayFailure.STATUS_500,
          GatewayFailure.TIMEOUT,
          GatewayFailure.LOGIN_PAGE,
          GatewayFailure.CODE_62109,
          GatewayFailure.CODE_1003);

  private static final Set<GatewayFailure> OF_HALF_OF_THE_CALLS =
      EnumSet.of(
          GatewayFailure.STATUS_401,
          GatewayFailure.STATUS_403,
          GatewayFailure.STATUS_500,
          GatewayFailure.RESET,
          GatewayFailure.LOGIN_PAGE,
          GatewayFailure.MIXED);

  /** Of a scenario that finds nothing wrong but times. */
  private static final int RUNS = 3;

  private static AvailabilityBed bed;

  /** What an API that is well does to a process, in ways that no kind describes. */
  private enum Trouble {
    OWN_RATE_LIMIT,
    GATEWAY_RATE_LIMIT,
    REVOKED_TOKEN,
    FIREWALL,
    CLOSED_AFTER_ANSWER,
    FROZEN_CONNECTIONS,
    ADDRESS_THAT_MOVES
  }

  @BeforeAll
  static void start() {
    bed = AvailabilityBed.start();
  }

  @AfterAll
  static void stop() {
    bed.close();
  }

  @AfterEach
  void heal() {
    bed.heal();
  }

  private static Stream<GatewayFailure> kinds(GatewayFailure... slice) {
    return switch (AvailabilityBed.KINDS) {
      case "" -> Arrays.stream(slice);
      case "all" -> Arrays.stream(GatewayFailure.values());
      default -> Arrays.stream(AvailabilityBed.KINDS.split(",")).map(GatewayFailure::of);
    };
  }

  /** Whether it was asked for by its label, and single calls can fail so. */
  private static boolean isNamed(GatewayFailure kind) {
    return !AvailabilityBed.KINDS.equals("all") && kind != GatewayFailure.CONNECTION_REFUSED;
  }

  static Stream<GatewayFailure> ofOneRecord() {
    return kinds(GatewayFailure.STATUS_403).filter(GatewayFailure::isOfOneId);
  }

  static Stream<GatewayFailure> ofABlock() {
    return kinds(GatewayFailure.STATUS_500).filter(GatewayFailure::isOfOneId);
  }

  static Stream<GatewayFailure> ofABlockAlone() {
    return kinds().filter(GatewayFailure::isOfOneId);
  }

  static Stream<GatewayFailure> ofTheGateway() {
    return kinds(GatewayFailure.LOGIN_PAGE);
  }

  static Stream<GatewayFailure> ofTheQueries() {
    return kinds().filter(kind -> isNamed(kind) || OF_THE_QUERIES.contains(kind));
  }

  static Stream<GatewayFailure> ofHalfOfTheCalls() {
    return kinds().filter(kind -> isNamed(kind) || OF_HALF_OF_THE_CALLS.contains(kind));
  }

  static Stream<GatewayFailure> ofAnIdentity() {
    return kinds(GatewayFailure.CODE_62101).filter(OF_AN_IDENTITY::contains);
  }

  static Stream<Trouble> troubles() {
    String named = System.getProperty("availability.troubles", "");
    if (!named.isEmpty()) {
      return Arrays.stream(named.split(",")).map(Trouble::valueOf);
    }
    return AvailabilityBed.THIN
        ? Stream.of(Trouble.REVOKED_TOKEN, Trouble.CLOSED_AFTER_ANSWER)
        : Arrays.stream(Trouble.values());
  }

  @ParameterizedTest(allowZeroInvocations = true)
  @MethodSource("ofOneRecord")
  void a_oneRecordThatAlwaysFailsIsADeadLetterAndNobodyElseShowsIt(GatewayFailure kind)
      throws Exception {
    judge(() -> new FailingRecords(bed).one(kind));
  }

  @ParameterizedTest(allowZeroInvocations = true)
  @MethodSource("ofABlock")
  void b_aBlockOfFailingIdsIsDeadLetteredAndGoodOnesGoOn(GatewayFailure kind) throws Exception {
    judge(() -> new FailingRecords(bed).block(kind, AvailabilityBed.THIN ? 100 : 300));
  }

  @ParameterizedTest(allowZeroInvocations = true)
  @MethodSource("ofABlockAlone")
  void b_aBlockOfFailingIdsAloneIsDeadLettered(GatewayFailure kind) throws Exception {
    judge(() -> new FailingRecords(bed).block(kind, 0));
  }

  @ParameterizedTest(allowZeroInvocations = true)
  @MethodSource("ofTheGateway")
  void c_anOutageOfTheGatewayCostsNoId(GatewayFailure kind) throws Exception {
    judgeAll(new Outages(bed).outage("C gateway", kind, FaultScope.wholeGateway()));
  }

  @ParameterizedTest(allowZeroInvocations = true)
  @MethodSource("ofTheQueries")
  void c_anOutageOfTheInstanceQueriesCostsNoId(GatewayFailure kind) throws Exception {
    judgeAll(new Outages(bed).outage("C queries", kind, FaultScope.all().on(Endpoint.GET)));
  }

  @ParameterizedTest(allowZeroInvocations = true)
  @MethodSource("ofHalfOfTheCalls")
  void d_halfOfTheCallsFailingCostsNoId(GatewayFailure kind) throws Exception {
    judge(() -> new Outages(bed).half(kind));
  }

  @ParameterizedTest(allowZeroInvocations = true)
  @MethodSource("ofAnIdentity")
  void e_anIdentityOfARecordThatIsRefusedIsThatRecordsFault(GatewayFailure kind) throws Exception {
    judge(() -> new FailingRecords(bed).foreign(kind));
  }

  @ParameterizedTest(allowZeroInvocations = true)
  @MethodSource("troubles")
  void f_aGatewayThatServesIsUsed(Trouble trouble) throws Exception {
    Restrictions restrictions = new Restrictions(bed);
    Connections connections = new Connections(bed);
    judge(
        () ->
            switch (trouble) {
              case OWN_RATE_LIMIT -> restrictions.ownRateLimit();
              case GATEWAY_RATE_LIMIT -> restrictions.gatewayRateLimit();
              case REVOKED_TOKEN -> restrictions.revokedToken();
              case FIREWALL -> restrictions.firewall();
              case CLOSED_AFTER_ANSWER -> connections.closedAfterAnswer();
              case FROZEN_CONNECTIONS -> connections.frozen();
              case ADDRESS_THAT_MOVES -> connections.moved();
            });
  }

  @Test
  @EnabledIfSystemProperty(named = "chaos", matches = "true", disabledReason = "with -Pchaos")
  void g_idsWhoseCallsTakeLongMakeNoOtherWait() throws Exception {
    judge(() -> new SlowIds(bed).six(Duration.ofSeconds(30)));
  }

  /**
   * A busy machine makes a run slow now and then; what the pipeline is slow at is slow each time.
   */
  private static void judge(Callable<AvailabilityResult> scenario) throws Exception {
    AvailabilityResult result = scenario.call();
    for (int run = 1; run < RUNS && result.isOnlySlow(); run++) {
      bed.judge(result);
      bed.heal();
      result = scenario.call();
    }
    judgeAll(result);
  }

  private static void judgeAll(AvailabilityResult... results) {
    assertEquals(List.of(), bed.judge(results));
  }

  /** One scenario with one parameter. */
  private interface Scenario<T> {
    void run(T parameter) throws Exception;
  }

  /**
   * Runs it without a test runner, and ends with 1 when something is not as it should be.
   *
   * @param args the letters of the scenarios, A to F; all when there is none
   */
  public static void main(String[] args) {
    Set<String> letters = args.length == 0 ? Set.of("A", "B", "C", "D", "E", "F") : Set.of(args);
    AvailabilityIT it = new AvailabilityIT();
    start();
    boolean passed = true;
    try {
      for (String letter : letters.stream().sorted().toList()) {
        passed &=
            switch (letter) {
              case "A" ->
                  run(
                      ofOneRecord(),
                      it::a_oneRecordThatAlwaysFailsIsADeadLetterAndNobodyElseShowsIt);
              case "B" ->
                  run(ofABlock(), it::b_aBlockOfFailingIdsIsDeadLetteredAndGoodOnesGoOn)
                      & run(ofABlockAlone(), it::b_aBlockOfFailingIdsAloneIsDeadLettered);
              case "C" ->
                  run(ofTheGateway(), it::c_anOutageOfTheGatewayCostsNoId)
                      & run(ofTheQueries(), it::c_anOutageOfTheInstanceQueriesCostsNoId);
              case "D" -> run(ofHalfOfTheCalls(), it::d_halfOfTheCallsFailingCostsNoId);
              case "E" ->
                  run(ofAnIdentity(), it::e_anIdentityOfARecordThatIsRefusedIsThatRecordsFault);
              case "F" -> run(troubles(), it::f_aGatewayThatServesIsUsed);
              default -> throw new IllegalArgumentException("There is no scenario " + letter);
            };
      }
    } finally {
      stop();
    }
    System.exit(passed ? 0 : 1);
  }

  private static <T> boolean run(Stream<T> parameters, Scenario<T> scenario) {
    boolean passed = true;
    for (T parameter : parameters.toList()) {
      try {
        scenario.run(parameter);
      } catch (AssertionError notAsItShouldBe) {
        // Its line in the table says what.
        passed = false;
      } catch (Exception e) {
        passed = false;
        e.printStackTrace();
      } finally {
        bed.heal();
      }
    }
    return passed;
  }
}
