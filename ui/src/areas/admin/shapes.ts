/** What the API says of users, rights, virtual hosts, policies and limits. */

export interface User {
  name: string;
  tags: string[] | string;
  password_hash?: string;
  limits?: Record<string, number>;
}

export interface Permission {
  user: string;
  vhost: string;
  configure: string;
  write: string;
  read: string;
}

export interface TopicPermission {
  user: string;
  vhost: string;
  exchange: string;
  write: string;
  read: string;
}

export interface Vhost {
  name: string;
  description?: string;
  tags?: string[];
  default_queue_type?: string;
  protected_from_deletion?: boolean;
  tracing?: boolean;
  messages?: number;
  messages_ready?: number;
  messages_unacknowledged?: number;
  message_stats?: { publish_details?: { rate?: number }; deliver_get_details?: { rate?: number } };
}

export interface Policy {
  vhost: string;
  name: string;
  pattern: string;
  "apply-to": string;
  priority: number;
  definition: Record<string, unknown>;
}

/** Older servers join tags with commas. */
export function tagsOf(user: Pick<User, "tags">): string[] {
  const said = Array.isArray(user.tags) ? user.tags : user.tags.split(",");
  return said.map((one) => one.trim()).filter(Boolean);
}

/** What may somebody with these patterns do with something of this name? As the server looks: anywhere in it. */
export function allows(pattern: string, name: string): boolean | undefined {
  if (pattern === "") return false;
  try {
    return new RegExp(pattern, "u").test(name);
  } catch {
    return undefined; // a pattern of another dialect
  }
}
