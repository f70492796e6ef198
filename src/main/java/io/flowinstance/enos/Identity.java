package io.flowinstance.enos;

/**
 * On whose behalf an instance is read.
 *
 * @param userId the EnOS user
 * @param orgId the user's organization
 */
public record Identity(String userId, String orgId) {}
