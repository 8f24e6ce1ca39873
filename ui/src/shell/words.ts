import { dictionary } from "../lib/i18n";

export const t = dictionary({
  en: {
    see: "Clients", routes: "Messaging", messages: "Messages", admin: "Administration",
    lost: "The server cannot be reached. What you see is from before; this page tries again by itself.",
    back: "Connected again",
    vhost: "Virtual host", allVhosts: "All virtual hosts", theme: "Theme", auto: "As the system", light: "Light", dark: "Dark",
    language: "Language", user: "User", logOut: "Log out", noPage: "There is no such page",
    noPageText: "The address may be of another version.", toOverview: "To the overview",
    logIn: "Log in", name: "Name", password: "Password", wrong: "Name or password is wrong, or this user may not log in here.",
    tooMany: "Too many attempts. Wait a little.", or: "or", logInAt: (host: string) => `Log in at ${host}`,
    notLoggedIn: "You are not logged in.", needsTls: "This page has to be opened over HTTPS for that.",
    providerWrong: "The identity provider is not configured right.", notBegunHere: "This login was not begun in this tab. Try again.",
    noToken: "The identity provider gave no token.", refusedHere: "The broker does not take this token, or it has no tag that lets you use this page.",
    noTag: "This user has no tag that lets him use this page.",
    search: "Search", memoryAlarm: "Memory alarm: publishers wait until there is room.", diskAlarm: "Disk alarm: publishers wait until there is room on the disk.", skip: "To the content",
  },
  zh: {
    see: "客户端", routes: "消息路由", messages: "消息", admin: "管理",
    lost: "无法连接服务器。当前显示的是之前的数据，页面会自动重试。",
    back: "已重新连接",
    vhost: "虚拟主机", allVhosts: "所有虚拟主机", theme: "主题", auto: "跟随系统", light: "浅色", dark: "深色",
    language: "语言", user: "用户", logOut: "退出登录", noPage: "没有这个页面",
    noPageText: "该地址可能属于其他版本。", toOverview: "返回概览",
    logIn: "登录", name: "用户名", password: "密码", wrong: "用户名或密码错误，或该用户不能在此登录。",
    tooMany: "尝试次数过多，请稍候再试。", or: "或", logInAt: (host: string) => `通过 ${host} 登录`,
    notLoggedIn: "登录未成功。", needsTls: "需要通过 HTTPS 打开本页面。",
    providerWrong: "身份提供方的配置不正确。", notBegunHere: "该登录不是在此标签页中发起的，请重试。",
    noToken: "身份提供方没有给出令牌。", refusedHere: "服务器不接受该令牌，或该用户没有使用此页面所需的标签。",
    noTag: "该用户没有使用此页面所需的标签。",
    search: "搜索", memoryAlarm: "内存告警：发布者需等待内存释放。", diskAlarm: "磁盘告警：发布者需等待磁盘空间释放。", skip: "跳到内容",
  },
});
